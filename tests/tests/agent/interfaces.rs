//! Interfaces that come and go with the file.

use dsr::lab::Lab;
use dsr_tests::lab::{
    agent::{self, has_program},
    datagram::NameServers,
    process::finish,
    traffic::{Traffic, services},
};

/// A lab whose balancer has a second interface, `eth1`, that leads nowhere, and one that takes no program natively.
fn lab() -> Lab {
    let lab = Lab::builder().build().unwrap();
    let bridge = "link add br7 type bridge";
    for arguments in ["link add eth1 type veth peer name nowhere", "link set eth1 up", "link set nowhere up", bridge] {
        let mut command = lab.balancer().command("ip").unwrap();
        let output = finish(command.args(arguments.split(' ')));
        assert!(output.status.success(), "{arguments}: {output:?}");
    }
    lab
}

#[test]
#[ignore = "needs root"]
fn an_interface_is_added_and_removed_under_traffic() {
    let mut lab = lab();
    let _servers = NameServers::start(&lab);
    let one = services(&lab);
    let both = one.clone().interfaces(&["eth1", "eth0"]);
    agent::start(&one, &mut lab);
    assert!(!has_program(&lab, "eth1"));
    let traffic = Traffic::start(&lab);
    for _ in 0..3 {
        agent::reload(&both, &lab);
        assert!(has_program(&lab, "eth0") && has_program(&lab, "eth1"));
        traffic.goes_on();
        agent::reload(&one, &lab);
        assert!(has_program(&lab, "eth0") && !has_program(&lab, "eth1"));
        traffic.goes_on();
    }
    traffic.stop(0);

    // There and back: what the old interface's tables said is not missed.
    lab.write_config(&one.clone().interfaces(&["eth1"]).to_string()).unwrap();
    agent::wait_for_reload(agent::running(&lab), "ok", 6.0);
    assert!(!has_program(&lab, "eth0") && has_program(&lab, "eth1"));
    agent::reload(&one, &lab);
    assert!(has_program(&lab, "eth0") && !has_program(&lab, "eth1"));
    let traffic = Traffic::start(&lab);
    traffic.goes_on();
    traffic.stop(0);
}

#[test]
#[ignore = "needs root"]
fn an_interface_that_cannot_be_used_changes_nothing() {
    let mut lab = lab();
    let _servers = NameServers::start(&lab);
    let good = services(&lab);
    agent::start(&good, &mut lab);
    let traffic = Traffic::start(&lab);
    // What else such a file says must not be taken either.
    for interfaces in [&["br7"][..], &["eth0", "br7"], &["eth1", "br7"], &["lo"]] {
        let before = agent::reloads(agent::running(&lab), "error");
        let bad = good.clone().interfaces(interfaces).hash_seed(1).weight("web1", 0);
        lab.write_config(&bad.to_string()).unwrap();
        agent::wait_for_reload(agent::running(&lab), "error", before);
        let refusal = format!("cannot attach to {}", interfaces.last().unwrap());
        assert!(agent::running(&lab).log().contains(&refusal), "{}", agent::running(&lab).log());
        assert!(has_program(&lab, "eth0") && !has_program(&lab, "eth1"), "after {interfaces:?}");
        agent::wait_for_slots(agent::running(&lab), &good);
        traffic.goes_on();
    }
    agent::reload(&good.weight("web2", 50), &lab);
    traffic.goes_on();
    traffic.stop(1);
}
