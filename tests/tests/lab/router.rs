//! A lab with a router between the balancer and the backends.

use std::{net::SocketAddr, time::Duration};

use dsr_lab::{self as lab, Lab, Namespace, Node};
use dsr_tests::lab::{dsr_program, eventually};

const TIMEOUT: Duration = Duration::from_secs(5);

fn fetch(from: &Namespace, address: SocketAddr) -> String {
    let answer = from.block_on(|| lab::get(address, "/", TIMEOUT)).unwrap();
    String::from_utf8(answer.unwrap().body.to_vec()).unwrap()
}

#[test]
#[ignore = "needs root"]
fn the_backends_are_behind_a_router() {
    let lab = Lab::builder().backends(2).with_ipv6().routed().build().unwrap();
    assert!(lab.router().is_some());
    for node in [lab.client(), lab.balancer()] {
        assert_eq!(fetch(node, "10.77.1.1:80".parse().unwrap()), "web1\n");
        assert_eq!(fetch(node, "[fd77::1:2]:80".parse().unwrap()), "web2\n");
    }
    let hops = lab.client().command("ip").unwrap().args(["route", "get", "10.77.1.2"]).output().unwrap();
    let hops = String::from_utf8(hops.stdout).unwrap();
    assert!(hops.contains(&format!("via {}", Node::Router.address())), "{hops}");
}

#[test]
#[ignore = "needs root"]
fn l2_names_the_router_as_the_cause() {
    let builder = Lab::builder().backends(2).routed();
    let yaml = "interfaces: [eth0]\nmetrics: 127.0.0.1:9650\n\
                pools:\n  web:\n    forward: l2\n    backends:\n      - {name: web1, address: 10.77.1.1}\n\
                services:\n  - {name: www, vip: 10.77.0.10, port: 80, pool: web}\n";
    let lab = builder.configuration(yaml).agent(dsr_program()).build().unwrap();
    let cause = "behind the router 10.77.0.254";
    eventually("the cause in status", || {
        let status = lab.agent_command(dsr_program()).unwrap().arg("status").output().unwrap();
        String::from_utf8_lossy(&status.stdout).contains(cause).then_some(())
    });
    eventually("the cause in the log", || lab.agent().unwrap().log().contains(cause).then_some(()));
}
