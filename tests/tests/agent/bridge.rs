//! The balancer reaches its backends through a bridge of its own, which forgets where they are.

use dsr_lab::{Lab, Node};
use dsr_tests::lab::{
    Configuration,
    connections::Connections,
    eventually,
    process::{finish, ip},
};

use crate::neighbour::{Silent, start_silent, stayed};

/// A lab whose balancer has its address, and its VIPs' frames, on a bridge with one port.
fn lab() -> Silent {
    let lab = Lab::builder().backends(2).without_http().build().unwrap();
    let balancer = lab.balancer();
    let mac = Node::Balancer.mac();
    let address = Node::Balancer.address();
    for arguments in [
        format!("link add br0 address {mac} type bridge"),
        "addr flush dev eth0".to_owned(),
        "link set eth0 master br0".to_owned(),
        "link set br0 up".to_owned(),
        format!("addr add {address}/16 dev br0"),
    ] {
        ip(balancer, &arguments);
    }
    let (all, service) = (Configuration::of(&lab), lab.service().into());
    start_silent(lab, &all, service, [1, 2].map(|number| Node::Backend(number).address().into()))
}

#[test]
#[ignore = "needs root"]
fn a_bridge_that_forgets_its_ports_breaks_no_connection() {
    let silent = lab();
    let balancer = silent.lab.balancer();
    let is_known = |number| {
        let mac = Node::Backend(number).mac().to_string();
        let mut bridge = balancer.command("bridge").unwrap();
        let output = finish(bridge.args(["fdb", "show", "br", "br0"]));
        String::from_utf8_lossy(&output.stdout).contains(&mac)
    };
    let connections = Connections::open_to(silent.service, &silent.lab, 40);
    connections.go_on();
    let before = connections.by_backend();
    for _ in 0..5 {
        ip(balancer, "link set br0 type bridge fdb_flush");
        // At once, and until the bridge knows both backends again.
        eventually("ports", || {
            connections.go_on();
            (is_known(1) && is_known(2)).then_some(())
        });
    }
    connections.go_on();
    assert_eq!((connections.by_backend(), connections.broken().len()), (before, 0), "{:?}", connections.broken());
    stayed(&silent);
}
