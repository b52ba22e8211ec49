//! A network that delivers by its own table of IP addresses, as clouds do (docs/clouds.md): what a host sends to an address
//! that the destination does not have is dropped, whatever the MAC.

use std::{fmt::Write as _, fs, net::Ipv4Addr};

use dsr_common::forward::ForwardMode;
use dsr_lab::{Lab, Node};
use dsr_tests::lab::{
    Configuration, PATIENCE, agent,
    connections::{Connections, Servers},
    curl::request_many,
    dsr_program, eventually,
    process::finish,
};

use super::{configuration, lab};

/// Lets a host get only what is for an address that the network knows it by. The VIP is routed to the balancer. Hosts may
/// send from the VIP: source/destination check is off.
fn deliver_by_address(lab: &Lab) {
    let vip = lab.vip(0).unwrap();
    let mut rules =
        "table bridge cloud {\n chain deliver {\n  type filter hook forward priority 0; policy accept;\n".to_owned();
    let mut only = |port: &str, addresses: &[Ipv4Addr]| {
        let known: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        writeln!(rules, "  oifname \"{port}\" ip daddr != {{ {} }} counter drop", known.join(", ")).unwrap();
    };
    only("balancer", &[Node::Balancer.address(), vip]);
    for number in 1..=2 {
        let node = Node::Backend(number);
        only(&node.to_string(), &[node.address()]);
    }
    let file = lab.directory().join("cloud.nft");
    fs::write(&file, format!("{rules} }}\n}}\n")).unwrap();
    let output = finish(lab.switch().command("nft").unwrap().arg("-f").arg(&file));
    assert!(output.status.success(), "{output:?}");
}

#[test]
#[ignore = "needs root"]
fn l2_fails_there_with_its_cause() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let file = Configuration::of(&lab).health("{tcp: {}, interval: 300ms, timeout: 300ms}");
    agent::start(&file, &mut lab);
    assert_eq!(request_many(&lab, 20).good, 20);
    deliver_by_address(&lab);
    for number in 1..=2 {
        let name = Node::Backend(number).to_string();
        let down = |samples: &dsr_lab::Samples| samples.sum("dsr_backend_healthy", &[("backend", &name)]) == 0.0;
        agent::running(&lab).wait_until("a backend that is down", PATIENCE, down).unwrap();
        agent::wait_for_log(agent::running(&lab), &[&format!("backend=\"{name}\""), "cause=vip-missing"]);
    }
    let doctor = finish(&mut lab.doctor_command(dsr_program()).unwrap());
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(said.contains("vip-missing"), "{said}");
}

#[test]
#[ignore = "needs root"]
fn tunnels_work_there() {
    for mode in [ForwardMode::Ipip, ForwardMode::Gue] {
        let mut lab = lab(mode, 2);
        deliver_by_address(&lab);
        let _servers = Servers::start(&lab);
        agent::start(&configuration(&lab).health("{tcp: {}, interval: 1s}"), &mut lab);
        let connections = Connections::open(&lab, 40);
        eventually("both backends", || (connections.by_backend().len() == 2).then_some(()));
        connections.go_on();
        assert!(connections.broken().is_empty(), "{mode:?}: {:?}", connections.broken());
    }
}
