//! ARP: requests, replies, probes, claims, and what is none of them.

use std::net::Ipv4Addr;

use super::{cluster::VIPS_V4, rng::Rng, whole::Packet};
use crate::frame::{CLIENT, OWN_MAC, PEER_MAC};

pub(super) fn packet(rng: &mut Rng) -> Packet {
    let vip = rng.pick(&VIPS_V4);
    let other = Ipv4Addr::new(192, 0, 2, 77);
    let sender = rng.pick(&[CLIENT, CLIENT, CLIENT, Ipv4Addr::UNSPECIFIED, vip, other]);
    let target = rng.pick(&[vip, vip, vip, other, CLIENT]);
    let sender_mac = rng.pick(&[PEER_MAC, PEER_MAC, PEER_MAC, OWN_MAC, [0xff; 6], [0; 6]]);
    let operation = rng.pick(&[1_u16, 1, 1, 1, 2, 3, 0x0100]);
    let mut bytes = vec![0, 1, 8, 0, 6, 4];
    bytes.extend_from_slice(&operation.to_be_bytes());
    bytes.extend_from_slice(&sender_mac);
    bytes.extend_from_slice(&sender.octets());
    bytes.extend_from_slice(&rng.pick(&[[0; 6], OWN_MAC]));
    bytes.extend_from_slice(&target.octets());
    if rng.one_in(2) {
        bytes.resize(46, 0);
    }
    Packet { ether_type: 0x0806, to: rng.pick(&[None, Some([0xff; 6]), Some([0xff; 6])]), bytes }
}
