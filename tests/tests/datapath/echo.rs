//! Echo requests to VIPs are answered with sound checksums; no other ICMP message is.

use std::{collections::BTreeMap, net::Ipv4Addr};

use dsr_tests::{
    frame::{CLIENT, OWN_MAC, PEER_MAC, VIP, checksum, echo, tagged, with_options},
    program::{Counter, Outcome, Verdict},
};

use super::{assert_ends, program};

const TTL: usize = 22;
const ICMP: usize = 34;

/// The answer, with checksums computed the plain way.
fn answer_to(request: &[u8]) -> Vec<u8> {
    let mut frame = [&PEER_MAC, &OWN_MAC, &request[12..]].concat();
    frame[TTL] = 64;
    frame[26..30].copy_from_slice(&VIP.octets());
    frame[30..34].copy_from_slice(&CLIENT.octets());
    frame[24..26].fill(0);
    let sum = checksum(&frame[14..34]);
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
    frame[ICMP] = 0;
    frame[ICMP + 2..ICMP + 4].fill(0);
    let sum = checksum(&frame[ICMP..]);
    frame[ICMP + 2..ICMP + 4].copy_from_slice(&sum.to_be_bytes());
    frame
}

fn answered(frame: Vec<u8>) -> Outcome {
    Outcome { verdict: Verdict::Tx, frame, counted: BTreeMap::from([(Counter::Reason("answer_echo"), 1)]) }
}

#[test]
#[ignore = "needs root"]
fn an_echo_request_is_answered() {
    let program = program();
    let mut request = echo(CLIENT, VIP);
    // Every sum that an incremental update could get wrong by a carry comes up among these.
    for id in (0..=u16::MAX).step_by(257) {
        request[ICMP + 4..ICMP + 6].copy_from_slice(&id.to_be_bytes());
        request[ICMP + 2..ICMP + 4].fill(0);
        let sum = checksum(&request[ICMP..]);
        request[ICMP + 2..ICMP + 4].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(program.run(&request).unwrap(), answered(answer_to(&request)), "identifier {id}");
    }
    let in_vlan = tagged(&request, 0x8100, 9);
    assert_eq!(program.run(&in_vlan).unwrap(), answered(tagged(&answer_to(&request), 0x8100, 9)));
}

#[test]
#[ignore = "needs root"]
fn every_ttl_gives_a_sound_header() {
    let program = program();
    let mut request = echo(CLIENT, VIP);
    for ttl in 0..=255 {
        request[TTL] = ttl;
        request[24..26].fill(0);
        let sum = checksum(&request[14..34]);
        request[24..26].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(program.run(&request).unwrap(), answered(answer_to(&request)), "TTL {ttl}");
    }
}

#[test]
#[ignore = "needs root"]
fn other_icmp_to_a_vip_is_dropped_and_elsewhere_passed() {
    let program = program();
    let request = echo(CLIENT, VIP);
    let with = |at: usize, byte: u8| {
        let mut frame = request.clone();
        frame[at] = byte;
        frame
    };
    let cases = [
        ("a reply", with(ICMP, 0)),
        ("destination unreachable", with(ICMP, 3)),
        ("an unknown code", with(ICMP + 1, 1)),
        ("options", with_options(&request, 1)),
        ("from a group", with(26, 224)),
        ("from the broadcast address", echo(Ipv4Addr::BROADCAST, VIP)),
        ("from nowhere", echo(Ipv4Addr::UNSPECIFIED, VIP)),
        ("from a loopback address", echo(Ipv4Addr::LOCALHOST, VIP)),
        ("without the packet that an error is about", with(ICMP, 11)),
    ];
    for (what, frame) in cases {
        assert_ends(&program, what, &frame, Verdict::Drop, "drop_icmp");
    }
    assert_ends(&program, "shorter than its header", &with(17, 27), Verdict::Drop, "drop_malformed");
    let elsewhere = echo(CLIENT, Ipv4Addr::new(192, 0, 2, 11));
    assert_ends(&program, "to another address", &elsewhere, Verdict::Pass, "pass_not_vip");
}
