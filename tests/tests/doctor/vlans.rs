//! A VIP is looked for in its own VLANs alone.

use std::{net::Ipv4Addr, time::Duration};

use dsr_lab::{Lab, Node, net::PacketSocket};
use dsr_tests::lab::{
    Configuration,
    agent::{self, count},
    eventually,
    process::ip,
};

use super::diagnosis;

#[test]
#[ignore = "needs root"]
fn a_host_in_a_vlan_that_the_vip_is_not_in_may_have_its_address() {
    let mut lab = Lab::builder().backends(2).vips(2).build().unwrap();
    let vip = lab.vip(1).unwrap();
    ip(lab.client(), &format!("address add {vip}/32 dev eth0"));
    // What is sent has its tags here; those of what is received are taken off.
    let sent = lab.balancer().run(|| PacketSocket::open("eth0", &[])).unwrap().unwrap();
    let configuration = |vlans: &str| {
        let fields = format!("name: tenant, vip: {vip}, port: 80, vlans: {vlans}");
        Configuration::of(&lab).top("arp_watch: {interval: 1s}").line(&fields)
    };
    let [tagged, untagged] = ["[20]", "[untagged]"].map(configuration);
    agent::start(&tagged, &mut lab);
    let mut asked = Questions::default();
    eventually("three questions in VLAN 20", || (asked.take(&sent, vip).in_20 >= 3).then_some(()));
    assert_eq!(leaks(&lab), Vec::<String>::new());
    assert_eq!(asked.take(&sent, vip).untagged, 0, "neither by the agent nor by the doctor");
    assert_eq!(count(&lab, "dsr_arp_claims_total", &[]), 0);

    agent::reload(&untagged, &lab);
    eventually("an untagged question", || (asked.take(&sent, vip).untagged > 0).then_some(()));
    assert_eq!(leaks(&lab), [Node::Client.mac().to_string()]);
    eventually("a claim", || (count(&lab, "dsr_vip_claimed", &[("vip", &vip.to_string())]) == 1).then_some(()));

    agent::reload(&tagged, &lab);
    // Before it is not heard for three rounds, too.
    eventually("no claim", || (count(&lab, "dsr_vip_claimed", &[]) == 0).then_some(()));
    assert_eq!(leaks(&lab), Vec::<String>::new());
}

/// Who claims a VIP, as the doctor finds.
fn leaks(lab: &Lab) -> Vec<String> {
    diagnosis(lab).into_iter().filter(|(cause, _)| cause == "arp-leak").map(|(_, subject)| subject).collect()
}

/// ARP probes for a VIP that were sent so far.
#[derive(Clone, Copy, Debug, Default)]
struct Questions {
    untagged: u32,
    in_20: u32,
}

impl Questions {
    /// Counts those that were sent since.
    fn take(&mut self, sent: &PacketSocket, vip: Ipv4Addr) -> Self {
        let probe = [&[0; 10][..], &vip.octets()].concat();
        while let Some(frame) = sent.receive(Duration::from_millis(1)).unwrap() {
            let is_probe = |at: usize| {
                frame.get(at..at + 2) == Some(&[8, 6]) && frame.get(at + 16..at + 30) == Some(probe.as_slice())
            };
            self.untagged += u32::from(is_probe(12));
            self.in_20 += u32::from(frame.get(12..16) == Some(&[0x81, 0, 0, 20]) && is_probe(16));
        }
        *self
    }
}
