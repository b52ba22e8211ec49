//! A foreign decoder, tshark, reads what the balancer's program sends.
//!
//! tshark has no dissector for GUE. Variant 1 is IP in UDP, which it decodes when told so. Of variant 0 it decodes the outer
//! headers, and hands out the payload of UDP: that is compared byte for byte.

use super::{
    capture::{Decoded, decode},
    flow::{Flow, balancer, flows},
};

/// `PI_WARN` of Wireshark: expert information at least as severe is a fault of the packet.
const WARNING: u32 = 0x60_0000;
/// `PROTO_CHECKSUM_E_GOOD` of Wireshark.
const GOOD: &str = "1";
/// DSCP 46 and ECT(1).
const CLASS: u8 = 0xb9;

#[test]
#[ignore = "needs root"]
fn a_foreign_decoder_reads_every_encapsulation() {
    let balancer = balancer();
    let flows = flows(&balancer);
    let frames: Vec<_> = flows.iter().map(|flow| flow.frame(CLASS)).collect();
    let sent: Vec<_> = flows.iter().map(|flow| flow.sent(&balancer, CLASS).unwrap()).collect();
    let bare = decode(&frames, &[]);
    for ((flow, packet), is) in flows.iter().zip(bare).zip(&decode(&sent, &[])) {
        assert_well_formed(flow, is);
        assert_outer(flow, is);
        match flow.mode {
            "dscp" | "dscp-udp" => assert_readdressed(flow, is, &packet),
            "gue" | "gue0" => assert_payload(flow, is),
            _ => assert_carries(flow, is, &packet),
        }
    }
}

#[test]
#[ignore = "needs root"]
fn a_foreign_decoder_reads_gue_as_ip_in_udp() {
    let balancer = balancer();
    let flows: Vec<_> = flows(&balancer).into_iter().filter(|flow| flow.mode == "gue").collect();
    let frames: Vec<_> = flows.iter().map(|flow| flow.frame(CLASS)).collect();
    let sent: Vec<_> = flows.iter().map(|flow| flow.sent(&balancer, CLASS).unwrap()).collect();
    let bare = decode(&frames, &[]);
    for ((flow, packet), is) in flows.iter().zip(bare).zip(decode(&sent, &["udp.port==6080,ip"])) {
        assert_well_formed(flow, &is);
        assert_carries(flow, &is, &packet);
    }
}

/// No layer is malformed or suspicious, and every checksum that there is is correct.
fn assert_well_formed(flow: &Flow, is: &Decoded) {
    let severe = is["_ws.expert.severity"].iter().any(|severity| severity.parse::<u32>().unwrap() >= WARNING);
    assert!(!severe && is["_ws.malformed"].is_empty(), "{flow:?} {is:?}");
    for field in ["ip.checksum.status", "tcp.checksum.status"] {
        assert!(is[field].iter().all(|status| status == GOOD), "{flow:?} {is:?}");
    }
}

/// The outer headers, with the values that the documentation states.
fn assert_outer(flow: &Flow, is: &Decoded) {
    if !flow.is_encapsulated {
        return;
    }
    let (source, hops, class) =
        if flow.outer_v4 { ("ip.src", "ip.ttl", "ip.dsfield") } else { ("ipv6.src", "ipv6.hlim", "ipv6.tclass") };
    let (route, prefix) = if flow.outer_v4 { ("10.0.0.254", "10.9.") } else { ("fd00::fe", "fd00:9::") };
    let from = &is[source][0];
    assert!(if flow.mode == "prefix" { from.starts_with(prefix) } else { from == route }, "{flow:?} {is:?}");
    assert_eq!((is[hops][0].as_str(), number(&is[class][0])), ("64", CLASS.into()), "{flow:?}");
    if flow.outer_v4 {
        assert_eq!(is["ip.flags.df"][0], "1", "{flow:?}");
    }
    let inner: u32 = if flow.is_v4 { 0x0800 } else { 0x86dd };
    match flow.mode {
        "gre" | "key" => {
            assert_eq!(number(&is["gre.proto"][0]), inner, "{flow:?}");
            let keys: Vec<_> = is["gre.key"].iter().map(|key| number(key)).collect();
            assert_eq!(keys, if flow.mode == "key" { vec![0x0102_0304] } else { vec![] }, "{flow:?}");
        }
        "gue" | "gue0" => {
            assert_eq!(is["udp.dstport"][0], "6080", "{flow:?}");
            assert!(is["udp.srcport"][0].parse::<u16>().unwrap() >= 0xc000, "{flow:?} {is:?}");
        }
        _ => (),
    }
}

/// After the values of the outer headers, those of the client's packet as it came, for each field.
fn assert_carries(flow: &Flow, is: &Decoded, packet: &Decoded) {
    let inner = ["ip.src", "ip.dst", "ip.proto", "ip.len", "ip.ttl", "ip.dsfield", "ipv6.src", "ipv6.dst", "ipv6.nxt"];
    let outer = |field: &str| {
        let is_outer = if flow.outer_v4 { field.starts_with("ip.") } else { field.starts_with("ipv6.") };
        usize::from(is_outer || (flow.mode == "gue" && field.starts_with("udp.")))
    };
    for field in
        inner.into_iter().chain(["ipv6.plen", "ipv6.tclass", "tcp.payload", "udp.srcport", "udp.checksum.status"])
    {
        let found = &is[field];
        assert_eq!(found.get(outer(field)..), Some(&packet[field][..]), "{flow:?} {field} {is:?}");
    }
}

/// What is in UDP, where the decoder goes no further: in variant 0 the header of GUE, and the packet.
fn assert_payload(flow: &Flow, is: &Decoded) {
    let header = match (flow.mode, flow.is_v4) {
        ("gue", _) => "",
        (_, true) => "00040000",
        (_, false) => "00290000",
    };
    let packet = flow.packet(CLASS).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    assert_eq!(is["udp.payload"], [format!("{header}{packet}")], "{flow:?}");
}

/// The client's packet with another destination and the code 8, and ECN as it was.
fn assert_readdressed(flow: &Flow, is: &Decoded, packet: &Decoded) {
    let (destination, class) = if flow.is_v4 { ("ip.dst", "ip.dsfield") } else { ("ipv6.dst", "ipv6.tclass") };
    assert_eq!(number(&is[class][0]), 8 << 2 | u32::from(CLASS & 3), "{flow:?}");
    assert_ne!(is[destination], packet[destination], "{flow:?}");
    let all = ["ip.checksum.status", "tcp.checksum.status", "udp.checksum.status", "ip.src", "ipv6.src", "tcp.payload"];
    for field in all {
        assert_eq!(is[field], packet[field], "{flow:?} {field}");
    }
    assert!(is["udp.checksum.status"].iter().all(|status| status == GOOD), "{flow:?} {is:?}");
}

fn number(text: &str) -> u32 {
    let parsed = text.strip_prefix("0x").map_or_else(|| text.parse(), |digits| u32::from_str_radix(digits, 16));
    parsed.unwrap_or_else(|error| panic!("{text}: {error}"))
}
