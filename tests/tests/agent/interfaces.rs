//! Interfaces that come and go with the file.

use std::time::Duration;

use dsr_lab::Pass;
use dsr_lab::{
    Lab,
    net::{LinkState, PacketSocket},
};
use dsr_tests::lab::{
    Configuration,
    agent::{self, has_program, running},
    curl::request_many,
    datagram::NameServers,
    eventually,
    process::{finish, ip},
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
    running(&lab).stop();
    // Each of these reloads ended the watch of a netlink socket.
    let log = running(&lab).log();
    assert!(!log.contains("NetlinkMessage") && !log.contains("failed to forward"), "{log}");
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
        agent::wait_for_log(agent::running(&lab), &[&refusal]);
        assert!(has_program(&lab, "eth0") && !has_program(&lab, "eth1"), "after {interfaces:?}");
        agent::wait_for_slots(agent::running(&lab), &good);
        traffic.goes_on();
    }
    agent::reload(&good.weight("web2", 50), &lab);
    traffic.goes_on();
    traffic.stop(1);
}

#[test]
#[ignore = "needs root"]
fn an_interface_that_another_program_holds_does_not_stop_the_others() {
    let mut lab = lab();
    let configuration = Configuration::of(&lab).interfaces(&["eth0", "eth1"]);
    agent::start(&configuration, &mut lab);
    ip(lab.balancer(), "link del eth1");
    logged(&lab, "the interface is gone");
    // It has the other program before it has the name.
    for arguments in ["link add back type veth peer name nowhere", "link set nowhere up"] {
        ip(lab.balancer(), arguments);
    }
    let other = lab.balancer().run(|| Pass::attach("back")).unwrap().unwrap();
    ip(lab.balancer(), "link set back name eth1");
    ip(lab.balancer(), "link set eth1 up");
    let refusal = "cannot attach to eth1: another XDP program is attached";
    logged(&lab, refusal);

    // The other interface is announced with another MAC, and a backend behind it is missed and found.
    let frames = lab.client().run(|| PacketSocket::open("eth0", &[])).unwrap().unwrap();
    ip(lab.balancer(), "link set dev eth0 address 02:00:00:00:77:01");
    let vip = lab.vip(0).unwrap().octets();
    eventually("announcement", || {
        let frame = frames.receive(Duration::from_millis(100)).unwrap()?;
        let is_arp = frame.get(..6) == Some(&[0xff; 6]) && frame.get(12..14) == Some(&[8, 6]);
        (is_arp && frame.get(22..32) == Some(&[&[2, 0, 0, 0, 0x77, 1], &vip[..]].concat())).then_some(())
    });
    lab.set_backend(2, LinkState::Down).unwrap();
    logged(&lab, "backend=\"web2\" address=10.77.1.2 cause=");
    agent::reload(&configuration.clone().weight("web2", 0), &lab);
    assert_eq!(request_many(&lab, 50).good, 50);
    lab.set_backend(2, LinkState::Up).unwrap();
    // Also a reload that loads anew.
    agent::reload(&configuration.hash_seed(7), &lab);
    assert_eq!(request_many(&lab, 50).good, 50);
    let log = running(&lab).log();
    assert_eq!(log.matches(refusal).count(), 1, "{log}");

    drop(other);
    agent::wait_for_lines(running(&lab), &["attached natively interface=\"eth1\""], 2);
}

fn logged(lab: &Lab, line: &str) {
    agent::wait_for_log(running(lab), &[line]);
}
