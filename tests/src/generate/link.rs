//! Link headers: to us, to a group, to others; without tags, with one, two, and more than are read.

use super::{rng::Rng, whole::Packet};
use crate::{
    frame::{OWN_MAC, PEER_MAC},
    program::backend_mac,
};

/// Bytes of an Ethernet header.
pub(super) const ETHERNET: usize = 14;

const TAGS: [u16; 2] = [0x8100, 0x88a8];

/// Each packet in a frame; those of one case go one way.
pub(super) fn frames(rng: &mut Rng, packets: Vec<Packet>) -> Vec<Vec<u8>> {
    let to = if rng.one_in(25) { Some(odd_destination(rng)) } else { None };
    let source = source(rng);
    let tags = tags(rng);
    let frame =
        |packet: Packet| wrapped(to.or(packet.to).unwrap_or(OWN_MAC), source, &tags, packet.ether_type, &packet.bytes);
    packets.into_iter().map(frame).collect()
}

/// A packet behind a link header with these tags, TPID and TCI each.
pub fn wrapped(to: [u8; 6], from: [u8; 6], tags: &[(u16, u16)], ether_type: u16, packet: &[u8]) -> Vec<u8> {
    let mut frame = [to, from].concat();
    for (tpid, tci) in tags {
        frame.extend_from_slice(&tpid.to_be_bytes());
        frame.extend_from_slice(&tci.to_be_bytes());
    }
    frame.extend_from_slice(&ether_type.to_be_bytes());
    frame.extend_from_slice(packet);
    frame
}

/// A group, another host, or a host that is ours but for one bit.
fn odd_destination(rng: &mut Rng) -> [u8; 6] {
    let mut near = OWN_MAC;
    near[rng.below(6)] ^= 1 << rng.below(8);
    let any: [u8; 6] = std::array::from_fn(|_| rng.byte());
    rng.pick(&[[0xff; 6], [1, 0, 0x5e, 0, 0, 1], [0x33, 0x33, 0, 0, 0, 1], near, any, backend_mac(1)])
}

/// Mostly the router's; at times a backend's, ours, or a group's.
fn source(rng: &mut Rng) -> [u8; 6] {
    match rng.below(16) {
        0 | 1 => backend_mac(rng.below(5) as u8 + 1),
        2 => rng.pick(&[OWN_MAC, [0xff; 6], [0; 6]]),
        _ => PEER_MAC,
    }
}

fn tags(rng: &mut Rng) -> Vec<(u16, u16)> {
    let count = match rng.below(20) {
        0..=12 => 0,
        13..=16 => 1,
        17..=18 => 2,
        _ => 3,
    };
    (0..count).map(|_| (rng.pick(&TAGS), control(rng))).collect()
}

/// A tag's control information: mostly of a VLAN that some VIP is in, alone or with another tag.
fn control(rng: &mut Rng) -> u16 {
    const NUMBERS: [u16; 10] = [0, 5, 6, 7, 9, 10, 12, 100, 4094, 4095];
    let any = rng.next() as u16;
    if rng.one_in(5) { any } else { any & 0xf000 | rng.pick(&NUMBERS) }
}
