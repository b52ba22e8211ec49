//! Every DSCP and ECN field, in every mode and family mix: from the client through both programs to the local stack.

use dsr_tests::frame::checksum;

use super::{
    backend::Backend,
    flow::{Flow, balancer, ether_type, flows, link_length},
};

/// The bits of a traffic class that are ECN.
const ECN: u8 = 3;
/// Congestion experienced.
const CE: u8 = 3;
/// The code of the VIPs in mode `dscp`.
const CODE: u8 = 8;

#[test]
#[ignore = "needs root"]
fn every_traffic_class_arrives() {
    let (balancer, backend) = (balancer(), Backend::load());
    for flow in flows(&balancer) {
        for class in 0..=u8::MAX {
            let sent = flow.sent(&balancer, class).unwrap();
            let on_the_wire = if flow.is_encapsulated { class } else { CODE << 2 | class & 3 };
            assert_eq!(class_of(&sent[link_length(&sent)..]), on_the_wire, "{flow:?} {class:#x}");

            assert_arrives(&backend, &flow, &sent, class, class & 3);
        }
    }
}

/// A router on the path marks packets that support ECN, and by mistake others (RFC 6040, figure 4: they are dropped).
#[test]
#[ignore = "needs root"]
fn congestion_on_the_path_arrives() {
    let (balancer, backend) = (balancer(), Backend::load());
    for flow in flows(&balancer) {
        for class in 0..=u8::MAX {
            let mut sent = flow.sent(&balancer, class).unwrap();
            let at = link_length(&sent);
            let marked = class_of(&sent[at..]) | CE;
            set_class(&mut sent[at..], marked);
            if flow.is_encapsulated && class & ECN == 0 {
                assert_eq!(backend.receive(&flow, &sent), (None, "drop_ecn"), "{flow:?} {class:#x}");
            } else {
                assert_arrives(&backend, &flow, &sent, class, CE);
            }
        }
    }
}

/// The backend's stack gets the packet that the client sent to the VIP with this ECN field; in mode `dscp` without its DSCP.
fn assert_arrives(backend: &Backend, flow: &Flow, sent: &[u8], class: u8, ecn: u8) {
    let (dscp, reason) = match flow.mode {
        "dscp" | "dscp-udp" => (0, "restore_dscp"),
        "ipip" | "prefix" => (class & !3, "decap_ipip"),
        "gre" | "key" => (class & !3, "decap_gre"),
        _ => (class & !3, "decap_gue"),
    };
    // MACs and tags stay.
    let link = &sent[..link_length(sent) - 2];
    let expected = [link, &ether_type(flow.is_v4), &flow.packet(dscp | ecn)].concat();
    assert_eq!(backend.receive(flow, sent), (Some(expected), reason), "{flow:?} {class:#x}");
}

fn class_of(packet: &[u8]) -> u8 {
    if packet[0] >> 4 == 4 { packet[1] } else { packet[0] << 4 | packet[1] >> 4 }
}

/// As a router does it, which sums the IPv4 header anew.
fn set_class(packet: &mut [u8], class: u8) {
    if packet[0] >> 4 == 4 {
        packet[1] = class;
        packet[10..12].fill(0);
        let sum = checksum(&packet[..20]);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
    } else {
        packet[0] = packet[0] & 0xf0 | class >> 4;
        packet[1] = packet[1] & 0xf | class << 4;
    }
}
