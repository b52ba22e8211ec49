//! Faults of backends.

use dsr_lab::{Broken, Fault, Lab};
use dsr_tests::lab::{
    Configuration, PATIENCE, agent,
    process::{finish, ip, set},
};

use super::{diagnosis, examine, lab, named};

fn broken(fault: Fault) -> Lab {
    let (lab, _) = lab(3);
    lab.break_backend(Broken { backend: 2, fault }).unwrap();
    lab
}

fn wait_for_no_slots(lab: &Lab) {
    let gone = |samples: &dsr_lab::Samples| samples.sum("dsr_member_slots", &[("backend", "web2")]) as u64 == 0;
    agent::running(lab).wait_until("no slots for web2", PATIENCE, gone).unwrap();
}

#[test]
#[ignore = "needs root"]
fn a_backend_that_answers_arp_is_named() {
    let lab = broken(Fault::Arp);
    assert_eq!(diagnosis(&lab), named(&[("arp-leak", "web2")]));
    let (code, text) = examine(&lab, &[]);
    assert_eq!(code, Some(1));
    assert!(text.starts_with("error: web2: arp-leak: ") && text.contains("arp_ignore=1"), "{text}");
}

#[test]
#[ignore = "needs root"]
fn a_missing_vip_is_named() {
    let lab = broken(Fault::Vip);
    assert_eq!(diagnosis(&lab), named(&[("vip-missing", "web2")]));
    assert!(examine(&lab, &[]).1.contains("on web2: `ip address add 10.77.0.10/32 dev lo`"));
}

#[test]
#[ignore = "needs root"]
fn a_missing_ipv6_vip_is_named() {
    let mut lab = Lab::builder().with_ipv6().build().unwrap();
    let fields = format!("name: v6, vip: \"{}\", port: 80", lab.vip6(0).unwrap());
    agent::start(&Configuration::of(&lab).line(&fields), &mut lab);
    ip(lab.backend(2).unwrap(), &format!("address del {}/128 dev lo", lab.vip6(0).unwrap()));
    assert_eq!(diagnosis(&lab), named(&[("vip-missing", "web2")]));
    assert!(examine(&lab, &[]).1.contains("ip -6 address add fd77::a/128 dev lo"));
}

#[test]
#[ignore = "needs root"]
fn a_stopped_application_is_named() {
    assert_eq!(diagnosis(&broken(Fault::App)), named(&[("application-down", "web2")]));
}

#[test]
#[ignore = "needs root"]
fn a_host_that_is_gone_is_named() {
    let lab = broken(Fault::Host);
    wait_for_no_slots(&lab);
    assert_eq!(diagnosis(&lab), named(&[("host-down", "web2")]));
}

#[test]
#[ignore = "needs root"]
fn a_backend_that_forwards_is_named() {
    let lab = broken(Fault::Forward);
    assert_eq!(diagnosis(&lab), named(&[("forwards", "web2")]));
}

#[test]
#[ignore = "needs root"]
fn a_firewall_is_named() {
    let (lab, _) = lab(2);
    for line in [
        "add table ip filter",
        "add chain ip filter input { type filter hook input priority 0 ; }",
        "add rule ip filter input ip daddr 10.77.0.10 tcp dport 80 drop",
    ] {
        let added = finish(lab.backend(2).unwrap().command("nft").unwrap().args(line.split(' ')));
        assert!(added.status.success(), "nft {line}: {added:?}");
    }
    assert_eq!(diagnosis(&lab), named(&[("firewall", "web2")]));
}

#[test]
#[ignore = "needs root"]
fn the_labs_own_firewall_is_one() {
    assert_eq!(diagnosis(&broken(Fault::Firewall)), named(&[("firewall", "web2")]));
}

#[test]
#[ignore = "needs root"]
fn a_backend_in_another_vlan_is_named() {
    let lab = broken(Fault::Vlan);
    assert_eq!(diagnosis(&lab), named(&[("wrong-vlan", "web2")]), "while this host still remembers a MAC");
    wait_for_no_slots(&lab);
    assert_eq!(diagnosis(&lab), named(&[("wrong-vlan", "web2")]), "when it has forgotten it");
    let said = examine(&lab, &[]).1;
    for part in [
        "10.77.1.2 is seen in VLAN 200 on eth0 (MAC 02:00:0a:4d:01:02), but the route to it leads elsewhere, ",
        "untagged on eth0",
        "put the switch port of web2 into the untagged VLAN of this host's port",
        "`ip link add link eth0 name eth0.200 type vlan id 200`",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
}

#[test]
#[ignore = "needs root"]
fn two_faults_are_two_findings() {
    let lab = broken(Fault::Arp);
    lab.break_backend(Broken { backend: 3, fault: Fault::App }).unwrap();
    assert_eq!(diagnosis(&lab), named(&[("application-down", "web3"), ("arp-leak", "web2")]));
    // A setting that is fixed is no finding any more when the agent has not heard of it for a while.
    for interface in ["all", "lo", "eth0"] {
        set(lab.backend(2).unwrap(), &format!("ipv4.conf.{interface}.arp_ignore"), "1");
    }
    let quiet = |samples: &dsr_lab::Samples| samples.named("dsr_vip_claimed").next().is_none();
    agent::running(&lab).wait_until("no claim", PATIENCE, quiet).unwrap();
    assert_eq!(diagnosis(&lab), named(&[("application-down", "web3")]));
}
