//! Programs in namespaces.

use std::thread;

use dsr_lab::Lab;
use dsr_tests::lab::{eventually, is_alive, orphan};

#[test]
#[ignore = "needs root"]
fn a_command_runs_in_its_namespace() {
    let lab = Lab::builder().backends(1).without_http().build().unwrap();
    let output = lab.switch().command("cat").unwrap().arg("/proc/self/net/dev").output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    for port in ["br0:", "client:", "balancer:", "web1:"] {
        assert!(output.contains(port), "{output}");
    }
}

#[test]
#[ignore = "needs root"]
fn a_process_dies_with_the_thread_that_started_it() {
    let lab = Lab::builder().backends(0).without_http().build().unwrap();
    let mut child = thread::scope(|scope| {
        scope.spawn(|| lab.client().command("sleep").unwrap().arg("1000").spawn().unwrap()).join().unwrap()
    });
    assert!(!child.wait().unwrap().success());
}

#[test]
#[ignore = "needs root"]
fn a_process_dies_with_its_lab() {
    let lab = Lab::builder().backends(0).without_http().build().unwrap();
    let orphan = orphan(lab.client());
    assert!(is_alive(orphan));
    drop(lab);
    eventually("end of the orphan", || (!is_alive(orphan)).then_some(()));
}
