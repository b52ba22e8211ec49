//! ARP requests for VIPs are answered, claims are distinguished, and all other ARP is passed.

use std::{collections::BTreeMap, net::Ipv4Addr};

use dsr::model::Announce;
use dsr_tests::{
    frame::{CLIENT, OWN_MAC, PEER_MAC, VIP, arp, tagged},
    program::{Counter, Outcome, Program, Verdict, desired, network},
};

use super::{NEEDED, assert_ends, program};

const BROADCAST: [u8; 6] = [0xff; 6];
const NOBODY: [u8; 6] = [0; 6];
const REQUEST: u16 = 1;
const REPLY: u16 = 2;

fn answered(frame: Vec<u8>) -> Outcome {
    Outcome { verdict: Verdict::Tx, frame, counted: BTreeMap::from([(Counter::Reason("answer_arp"), 1)]) }
}

#[test]
#[ignore = "needs root"]
fn a_request_for_a_vip_is_answered() {
    let program = program();
    let answer = |asker: Ipv4Addr| arp(REPLY, (OWN_MAC, VIP), (PEER_MAC, asker), PEER_MAC);
    let request = arp(REQUEST, (PEER_MAC, CLIENT), (NOBODY, VIP), BROADCAST);
    assert_eq!(program.run(&request).unwrap(), answered(answer(CLIENT)));

    let refresh = arp(REQUEST, (PEER_MAC, CLIENT), (OWN_MAC, VIP), OWN_MAC);
    assert_eq!(program.run(&refresh).unwrap(), answered(answer(CLIENT)), "a unicast refresh");

    let probe = arp(REQUEST, (PEER_MAC, Ipv4Addr::UNSPECIFIED), (NOBODY, VIP), BROADCAST);
    assert_eq!(program.run(&probe).unwrap(), answered(answer(Ipv4Addr::UNSPECIFIED)), "a probe defends the VIP");

    let in_vlan = tagged(&request, 0x8100, 9);
    assert_eq!(program.run(&in_vlan).unwrap(), answered(tagged(&answer(CLIENT), 0x8100, 9)), "in a VLAN");
}

#[test]
#[ignore = "needs root"]
fn a_claim_to_a_vip_is_counted_and_passed() {
    let program = program();
    let gratuitous = arp(REQUEST, (PEER_MAC, VIP), (NOBODY, VIP), BROADCAST);
    let reply = arp(REPLY, (PEER_MAC, VIP), (OWN_MAC, CLIENT), OWN_MAC);
    for (what, frame) in [("gratuitous request", gratuitous), ("reply", reply)] {
        assert_ends(&program, what, &frame, Verdict::Pass, "pass_arp_claim");
    }
}

#[test]
#[ignore = "needs root"]
fn other_arp_is_passed() {
    let program = program();
    let request = arp(REQUEST, (PEER_MAC, CLIENT), (NOBODY, VIP), BROADCAST);
    let other = Ipv4Addr::new(192, 0, 2, 11);
    let with = |at: usize, byte: u8| {
        let mut frame = request.clone();
        frame[at] = byte;
        frame
    };
    let cases = [
        ("for another address", arp(REQUEST, (PEER_MAC, CLIENT), (NOBODY, other), BROADCAST)),
        ("a reply", arp(REPLY, (PEER_MAC, CLIENT), (OWN_MAC, VIP), OWN_MAC)),
        ("another hardware", with(15, 6)),
        ("another protocol", with(16, 0x86)),
        ("other hardware addresses", with(18, 8)),
        ("other protocol addresses", with(19, 16)),
        ("asked by a group", with(22, 0x03)),
    ];
    for (what, frame) in cases {
        assert_ends(&program, what, &frame, Verdict::Pass, "pass_not_ip");
    }
    assert_ends(&program, "cut", &request[..41], Verdict::Pass, "pass_truncated");
}

#[test]
#[ignore = "needs root"]
fn a_vip_that_a_router_announces_is_not_answered() {
    let mut desired = desired();
    desired.services.iter_mut().for_each(|service| service.announce = Announce::None);
    let program = Program::load(desired, &network(&[]), NEEDED).unwrap();
    let request = arp(REQUEST, (PEER_MAC, CLIENT), (NOBODY, VIP), BROADCAST);
    assert_ends(&program, "announce: none", &request, Verdict::Pass, "pass_not_ip");
}
