//! Hosts that say nothing until they are asked.

use std::time::Instant;

use dsr_lab::{Lab, net::PacketSocket};
use dsr_tests::lab::{
    Configuration, PATIENCE,
    agent::{self, count, reason, running},
    dsr_program,
    process::{finish, ip, set},
};

use super::{CLAIMS, claims_of_others, leak, line, wait_for_claim};

#[test]
#[ignore = "needs root"]
fn a_backend_that_answers_arp_is_named() {
    let mut lab = Lab::builder().build().unwrap();
    leak(lab.backend(2).unwrap());
    agent::start(&Configuration::of(&lab).top("arp_watch: {interval: 1s}"), &mut lab);
    wait_for_claim(&lab, "10.77.0.10", "web2");
    let mac = dsr_lab::Node::Backend(2).mac().to_string();
    assert!(count(&lab, CLAIMS, &[("mac", &mac)]) > 0);
    let told = line(&lab, &["the backend web2 claims the VIP", "10.77.0.10"]);
    assert!(told.contains("WARN") && told.contains("arp_ignore=1") && told.contains(&mac), "{told}");
    assert_eq!(claims_of_others(&lab, "web2"), 0);

    for interface in ["all", "lo", "eth0"] {
        set(lab.backend(2).unwrap(), &format!("ipv4.conf.{interface}.arp_ignore"), "1");
    }
    line(&lab, &["the VIP is no longer claimed", "web2"]);
    let log = running(&lab).log();
    assert_eq!(log.lines().filter(|line| line.contains("claims the VIP")).count(), 1, "one line a change: {log}");
}

#[test]
#[ignore = "needs root"]
fn a_foreign_host_is_a_finding_while_it_claims_a_vip() {
    let mut lab = Lab::builder().build().unwrap();
    agent::start(&Configuration::of(&lab).top("arp_watch: {interval: 1s}"), &mut lab);
    assert_eq!(status_finding(&lab), (String::new(), Some(0)));
    ip(lab.client(), "address add 10.77.0.10/32 dev eth0");
    wait_for_claim(&lab, "10.77.0.10", "unknown");
    let (finding, code) = status_finding(&lab);
    let mac = dsr_lab::Node::Client.mac().to_string();
    assert!(finding.starts_with("10.77.0.10: a host that is not a backend claims the VIP"), "{finding}");
    assert!(finding.contains(&mac) && code == Some(1), "{finding}");

    ip(lab.client(), "address del 10.77.0.10/32 dev eth0");
    line(&lab, &["the VIP is no longer claimed", "unknown"]);
    assert_eq!(status_finding(&lab), (String::new(), Some(0)));
}

/// The first finding of `dsr status`, if there is one, and the exit code.
fn status_finding(lab: &Lab) -> (String, Option<i32>) {
    let output = finish(lab.agent_command(dsr_program()).unwrap().arg("status"));
    let text = String::from_utf8(output.stdout).unwrap();
    let finding = text.lines().find_map(|line| line.strip_prefix("wrong: ")).unwrap_or_default();
    (finding.to_owned(), output.status.code())
}

#[test]
#[ignore = "needs root"]
fn a_backend_that_answers_solicitations_is_named() {
    let mut lab = Lab::builder().with_ipv6().build().unwrap();
    ip(lab.backend(2).unwrap(), &format!("address add {}/128 dev eth0 nodad", lab.vip6(0).unwrap()));
    let fields = format!("name: v6, vip: \"{}\", port: 80", lab.vip6(0).unwrap());
    agent::start(&Configuration::of(&lab).by_ipv6().line(&fields).top("arp_watch: {interval: 1s}"), &mut lab);
    wait_for_claim(&lab, "fd77::a", "web2");
    let told = line(&lab, &["the backend web2 claims the VIP", "fd77::a"]);
    assert!(told.contains("dev lo nodad") && told.contains("neighbour advertisement"), "{told}");
    assert_eq!(claims_of_others(&lab, "web2"), 0);
}

#[test]
#[ignore = "needs root"]
fn where_all_is_well_everybody_is_asked_and_nothing_is_said() {
    let mut lab = Lab::builder().with_ipv6().build().unwrap();
    let hears = lab.backend(3).unwrap().run(|| PacketSocket::open("eth0", &[])).unwrap().unwrap();
    let fields = format!("name: v6, vip: \"{}\", port: 80", lab.vip6(0).unwrap());
    agent::start(&Configuration::of(&lab).line(&fields).top("arp_watch: {interval: 1s}"), &mut lab);
    let before = ip(lab.backend(3).unwrap(), "neighbour show");
    // Three rounds: what was answered in the first two is counted.
    let (mut arp, mut ndp, deadline) = (0, 0, Instant::now() + PATIENCE);
    while arp < 3 || ndp < 3 {
        assert!(Instant::now() < deadline, "{arp} and {ndp} questions were heard");
        let Some(frame) = hears.receive(PATIENCE).unwrap() else { continue };
        arp += u32::from(frame.get(12..14) == Some(&[8, 6]) && frame.get(28..42) == Some(&PROBE));
        ndp += u32::from(
            frame.get(12..14) == Some(&[0x86, 0xdd]) && frame.get(54) == Some(&135) && frame[22..38] == [0; 16],
        );
    }
    assert_eq!(count(&lab, CLAIMS, &[]), 0);
    assert_eq!((reason(&lab, "pass_arp_claim"), reason(&lab, "pass_nd_claim")), (0, 0));
    let log = running(&lab).log();
    assert!(!log.contains("claim"), "{log}");
    let vips = |table: &str| table.contains("10.77.0.10 ") || table.contains("fd77::a ");
    let after = ip(lab.backend(3).unwrap(), "neighbour show");
    assert_eq!((vips(&before), vips(&after)), (false, false), "a question makes no neighbour entry:\n{after}");
}

/// The addresses in an ARP probe for the lab's VIP: from 0.0.0.0, target unknown.
const PROBE: [u8; 14] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 77, 0, 10];
