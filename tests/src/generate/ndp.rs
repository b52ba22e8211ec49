//! Neighbour discovery: solicitations and advertisements, right in every way or wrong in one.

use std::net::Ipv6Addr;

use super::{cluster::VIPS_V6, icmp::ICMPV6, ip::Header, rng::Rng, whole::Packet};
use crate::frame::{OWN_MAC, PEER_MAC, checksum};

const NEIGHBOUR: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x99);
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const OTHER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x99);

/// A solicitation or an advertisement.
pub(super) fn packet(rng: &mut Rng) -> Packet {
    let target = if rng.one_in(6) { OTHER } else { rng.pick(&VIPS_V6) };
    let solicitation = !rng.one_in(5);
    let sources = [NEIGHBOUR, NEIGHBOUR, OTHER, Ipv6Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED, VIPS_V6[2], ALL_NODES];
    let source = rng.pick(&sources);
    let destination = match rng.below(10) {
        0 => ALL_NODES,
        1 => OTHER,
        2 | 3 => target,
        _ => solicited_node(target),
    };
    let mut header = Header::plain(source.into(), destination.into(), ICMPV6);
    header.hops = if rng.one_in(15) { 64 } else { 255 };
    if rng.one_in(20) {
        header.decorate(rng);
    }
    let mut message = vec![if solicitation { 135 } else { 136 }, u8::from(rng.one_in(20)), 0, 0, 0, 0, 0, 0];
    message.extend_from_slice(&target.octets());
    message.extend_from_slice(&options(rng, source.is_unspecified()));
    if !rng.one_in(15) {
        with_sum_v6(source, destination, &mut message);
    }
    let to = if destination.is_multicast() { Some(group_mac(destination)) } else { None };
    Packet { to, ..Packet::ip(&header, &message) }
}

/// A MAC, a nonce, both, none; lengths of zero and beyond the end.
fn options(rng: &mut Rng, unspecified: bool) -> Vec<u8> {
    let mac = rng.pick(&[PEER_MAC, PEER_MAC, OWN_MAC, [2, 0, 0, 0, 7, 7], [0x33; 6]]);
    let link_layer = [&[1, 1], &mac[..]].concat();
    let nonce = [&[14, 1], &rng.octets(6)[..]].concat();
    let usual = if unspecified { Vec::new() } else { link_layer.clone() };
    match rng.below(12) {
        0 => [nonce, usual].concat(),
        1 => [usual, nonce].concat(),
        2 => Vec::new(),
        3 => link_layer,
        4 => {
            let mut wrong = link_layer;
            wrong[1] = rng.pick(&[0, 2, 255]);
            [wrong, rng.octets(8)].concat()
        }
        5 => [link_layer.clone(), link_layer].concat(),
        6 => {
            let length = rng.below(30);
            rng.octets(length)
        }
        7 => vec![14, 3].into_iter().chain(rng.octets(22)).chain(usual).collect(),
        _ => usual,
    }
}

/// RFC 4291, 2.7.1.
fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    let (high, low) = (u16::from_be_bytes([0xff, a]), u16::from_be_bytes([b, c]));
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, high, low)
}

/// RFC 2464, 7.
fn group_mac(address: Ipv6Addr) -> [u8; 6] {
    let [.., a, b, c, d] = address.octets();
    [0x33, 0x33, a, b, c, d]
}

/// Writes the checksum of an `ICMPv6` message between these two.
pub(super) fn with_sum_v6(source: Ipv6Addr, destination: Ipv6Addr, message: &mut [u8]) {
    message[2..4].fill(0);
    let length = (message.len() as u32).to_be_bytes();
    let sum = checksum(&[&source.octets()[..], &destination.octets(), &length, &[0, 0, 0, ICMPV6], message].concat());
    message[2..4].copy_from_slice(&sum.to_be_bytes());
}
