//! What is not for a VIP is passed untouched; what is for a VIP and cannot be served is dropped, each for its reason.

use std::net::Ipv4Addr;

use dsr_tests::{
    frame::{CLIENT, OWN_MAC, Segment, VIP, tcp, udp, with_options},
    program::Verdict,
};

use super::{assert_ends, program};

const OTHER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);

/// Where things stand in an untagged IPv4 frame without options.
const VERSION: usize = 14;
const TOTAL_LENGTH: usize = 16;
const FRAGMENT: usize = 20;
const PROTOCOL: usize = 23;

/// The frame with one byte replaced.
fn with(mut frame: Vec<u8>, at: usize, byte: u8) -> Vec<u8> {
    frame[at] = byte;
    frame
}

fn with_total(mut frame: Vec<u8>, total: usize) -> Vec<u8> {
    frame[TOTAL_LENGTH..TOTAL_LENGTH + 2].copy_from_slice(&u16::try_from(total).unwrap().to_be_bytes());
    frame
}

#[test]
#[ignore = "needs root"]
fn traffic_of_the_node_is_passed_untouched() {
    let program = program();
    let ssh = tcp((CLIENT, 4000), (OTHER, 22), Segment::Data);
    let cases: [(&str, Vec<u8>, &str); 10] = [
        ("TCP", ssh.clone(), "pass_not_vip"),
        ("UDP", udp((CLIENT, 4000), (OTHER, 53), b"query"), "pass_not_vip"),
        ("options", with_options(&ssh, 3), "pass_not_vip"),
        ("a fragment", with(ssh.clone(), FRAGMENT, 0x20), "pass_not_vip"),
        ("another protocol", with(ssh.clone(), PROTOCOL, 89), "pass_not_vip"),
        ("a header length of nothing", with(ssh.clone(), VERSION, 0x40), "pass_not_vip"),
        ("IPv5", with(ssh.clone(), VERSION, 0x55), "pass_not_ip"),
        ("IPv6", with(ssh.clone(), 12, 0x86), "pass_not_ip"),
        ("broadcast", [&[0xff; 6], &ssh[6..]].concat(), "pass_group"),
        ("multicast", [&[1, 0, 0x5e, 0, 0, 5], &ssh[6..]].concat(), "pass_group"),
    ];
    for (what, frame, reason) in cases {
        assert_ends(&program, what, &frame, Verdict::Pass, reason);
    }
}

#[test]
#[ignore = "needs root"]
fn frames_for_another_host_are_not_balanced() {
    // As a promiscuous interface sees them while a switch floods: sending one on would make a second copy of it.
    let program = program();
    let frame = tcp((CLIENT, 4000), (VIP, 80), Segment::Syn);
    for byte in 0..6 {
        let mut mac = OWN_MAC;
        mac[byte] ^= 0x10;
        let frame = [&mac, &frame[6..]].concat();
        assert_ends(&program, "another host's MAC", &frame, Verdict::Pass, "pass_other_host");
    }
}

#[test]
#[ignore = "needs root"]
fn broken_packets_to_a_vip_are_dropped() {
    let program = program();
    let syn = tcp((CLIENT, 4000), (VIP, 80), Segment::Syn);
    let query = udp((CLIENT, 4000), (VIP, 53), b"query");
    let malformed = [
        ("header length below 5", with(syn.clone(), VERSION, 0x44)),
        ("header length beyond the total", with_total(with(syn.clone(), VERSION, 0x4f), 40)),
        ("total length below the header", with_total(syn.clone(), 19)),
        ("total length beyond the frame", with_total(syn.clone(), syn.len() - 14 + 1)),
        ("total length beyond everything", with_total(syn.clone(), 65535)),
        ("TCP header cut by the total length", with_total(syn.clone(), 39)),
        ("UDP header cut by the total length", with_total(query.clone(), 27)),
        ("no transport header at all", with_total(query.clone(), 20)),
    ];
    for (what, frame) in malformed {
        assert_ends(&program, what, &frame, Verdict::Drop, "drop_malformed");
    }
    let cases = [
        ("no such port", tcp((CLIENT, 4000), (VIP, 81), Segment::Syn), "drop_no_service"),
        ("the port of the other protocol", udp((CLIENT, 4000), (VIP, 80), b"x"), "drop_no_service"),
        ("port zero", tcp((CLIENT, 4000), (VIP, 0), Segment::Syn), "drop_no_service"),
        ("a fragment without a first one", with(query.clone(), FRAGMENT + 1, 0x08), "drop_fragment_early"),
        ("GRE", with(syn.clone(), PROTOCOL, 47), "drop_protocol"),
        ("protocol zero", with(syn.clone(), PROTOCOL, 0), "drop_protocol"),
        ("SCTP", with(syn.clone(), PROTOCOL, 132), "drop_no_service"),
    ];
    for (what, frame, reason) in cases {
        assert_ends(&program, what, &frame, Verdict::Drop, reason);
    }
    let whole = program.run(&with(syn, FRAGMENT, 0x40)).unwrap();
    assert_eq!(whole.verdict, Verdict::Tx, "do-not-fragment makes no fragment");
}

#[test]
#[ignore = "needs root"]
fn a_frame_cut_anywhere_is_never_sent() {
    let program = program();
    for whole in [tcp((CLIENT, 4000), (VIP, 80), Segment::Syn), udp((CLIENT, 4000), (VIP, 53), b"query")] {
        for length in 14..whole.len() {
            let (verdict, reason) =
                if length < 34 { (Verdict::Pass, "pass_truncated") } else { (Verdict::Drop, "drop_malformed") };
            assert_ends(&program, &format!("{length} bytes"), &whole[..length], verdict, reason);
        }
    }
}
