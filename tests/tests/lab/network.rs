//! What a lab builds.

use std::{fs, net::SocketAddr, thread, time::Duration};

use dsr_lab::{self as lab, Lab, Namespace};
use dsr_tests::lab::NamespaceInode;

/// The body that `from` gets at `address`.
fn fetch(from: &Namespace, address: &str) -> String {
    let address: SocketAddr = address.parse().unwrap();
    let answer = from.block_on(|| lab::get(address, "/", TIMEOUT)).unwrap();
    String::from_utf8(answer.unwrap().body.to_vec()).unwrap()
}

#[test]
#[ignore = "needs root"]
fn labs_side_by_side_do_not_meet() {
    let build = || Lab::builder().backends(2).build().unwrap();
    let (first, second) = thread::scope(|scope| {
        let second = scope.spawn(build);
        (build(), second.join().unwrap())
    });
    assert_ne!(first.id(), second.id());
    for lab in [&first, &second] {
        assert_eq!(fetch(lab.client(), "10.77.1.1:80"), "web1\n");
        assert_eq!(fetch(lab.client(), "10.77.1.2:80"), "web2\n");
    }
    drop(first);
    assert_eq!(fetch(second.client(), "10.77.1.1:80"), "web1\n");
    assert_eq!(fetch(second.balancer(), "10.77.1.2:80"), "web2\n");
}

#[test]
#[ignore = "needs root"]
fn each_backend_holds_every_vip() {
    let lab = Lab::builder().backends(1).vips(2).build().unwrap();
    let web1 = lab.backend(1).unwrap();
    assert_eq!(fetch(web1, "10.77.0.10:80"), "web1\n");
    assert_eq!(fetch(web1, "10.77.0.11:80"), "web1\n");
    assert_eq!((lab.vip(1).map(|vip| vip.to_string()), lab.vip(2)), (Some("10.77.0.11".into()), None));
    assert!(lab.backend(0).is_none() && lab.backend(2).is_none());
}

#[test]
#[ignore = "needs root"]
fn nothing_stays_behind() {
    let lab = Lab::builder().backends(1).build().unwrap();
    // Another lab may take the number at once, so names say nothing: what is looked for is this lab's own.
    let namespaces = [lab.client(), lab.switch(), lab.balancer(), lab.backend(1).unwrap()];
    let namespaces = namespaces.map(|namespace| NamespaceInode::open(&namespace.path()));
    let marker = lab.directory().join("marker");
    fs::write(&marker, "").unwrap();
    assert!(namespaces.iter().all(NamespaceInode::is_mounted));
    drop(lab);
    assert!(!namespaces.iter().any(NamespaceInode::is_mounted));
    assert!(!marker.exists());
}

const TIMEOUT: Duration = Duration::from_secs(5);
