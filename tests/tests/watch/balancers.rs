//! Another balancer with the same VIP is distinguished from a backend.

use dsr_lab::Lab;
use dsr_lab::Pass;
use dsr_tests::lab::{
    Configuration,
    agent::{self, count},
    dsr_program,
    process::{Daemon, ip},
};

use super::{CLAIMS, claims_of_others, leak, line, wait_for_claim};

#[test]
#[ignore = "needs root"]
fn a_balancer_is_known_by_its_answers() {
    // The third host is the other balancer.
    let mut lab = Lab::builder().without_http().build().unwrap();
    let configuration = Configuration::of(&lab).without("web3").top("arp_watch: {interval: 1s}");
    ip(lab.backend(3).unwrap(), &format!("address del {}/32 dev lo", lab.vip(0).unwrap()));
    let _pass = lab.switch().run(|| Pass::attach("web3")).unwrap().unwrap();
    let file = lab.directory().join("other.yaml");
    // The lab's hosts share one file system.
    std::fs::write(
        &file,
        Configuration::of(&lab).without("web3").top("arp_watch: {interval: 1s}").top("api: off").to_string(),
    )
    .unwrap();
    agent::start(&configuration, &mut lab);
    let mut command = lab.backend(3).unwrap().command(dsr_program()).unwrap();
    let mut other = Daemon::start(
        command.arg("run").arg("--pins").arg(lab.directory().join("bpf/other")).arg("-c").arg(&file),
        &lab.directory().join("other.log"),
    );
    wait_for_claim(&lab, "10.77.0.10", "balancer");
    // Asked often enough: its gratuitous ARP, and its answers.
    let answered = |samples: &dsr_lab::Samples| samples.sum(CLAIMS, &[("backend", "balancer")]) > 5.0;
    agent::running(&lab).wait_until("answers of the other balancer", dsr_tests::lab::PATIENCE, answered).unwrap();
    other.assert_running();
    let told = line(&lab, &["another balancer claims the VIP", "announce: none"]);
    assert!(told.contains("INFO"), "{told}");
    assert_eq!(claims_of_others(&lab, "balancer"), 0);
}

#[test]
#[ignore = "needs root"]
fn a_balancer_of_another_make_is_known_by_its_address() {
    let mut lab = Lab::builder().without_http().build().unwrap();
    leak(lab.backend(3).unwrap());
    let configuration = Configuration::of(&lab).without("web3").top("arp_watch: {interval: 1s}");
    agent::start(&configuration, &mut lab);
    wait_for_claim(&lab, "10.77.0.10", "unknown");
    line(&lab, &["a host that is not a backend claims the VIP", "add its address to `balancers`"]);
    // This one's own address too, so that the file can be the same on each.
    agent::reload(&configuration.top("balancers: [10.77.0.2, 10.77.1.3]"), &lab);
    wait_for_claim(&lab, "10.77.0.10", "balancer");
    let gone = |samples: &dsr_lab::Samples| samples.sum(CLAIMS, &[("backend", "unknown")]) as u64 == 0;
    agent::running(&lab).wait_until("no unknown host", dsr_tests::lab::PATIENCE, gone).unwrap();
    assert_eq!(count(&lab, CLAIMS, &[]), count(&lab, CLAIMS, &[("backend", "balancer")]));
}
