//! ICMP and `ICMPv6`: echo, errors about what a VIP sent, and others.

use std::net::IpAddr;

use super::{
    cluster::{PORTS, VIPS_V4, VIPS_V6, endpoint},
    ip::{Header, client, destination},
    rng::Rng,
    transport::{between, protocol},
    whole::Packet,
};
use crate::{frame::checksum, generate::ndp::with_sum_v6};

pub(super) const ICMP: u8 = 1;
pub(super) const ICMPV6: u8 = 58;

/// An echo request, now and then a reply, or one with a wrong checksum.
pub(super) fn echo(rng: &mut Rng) -> Packet {
    let header = any(rng);
    let request = if header.protocol == ICMP { [8, 8, 8, 8, 8, 0] } else { [128, 128, 128, 128, 128, 129] };
    let mut message = vec![rng.pick(&request), if rng.one_in(12) { rng.byte() } else { 0 }];
    message.extend_from_slice(&rng.octets(6));
    let data = rng.below(60);
    message.extend_from_slice(&rng.octets(data));
    if !rng.one_in(10) {
        set_sum(&header, &mut message);
    }
    Packet::ip(&header, &message)
}

/// Any other message.
pub(super) fn other(rng: &mut Rng) -> Packet {
    let header = any(rng);
    let length = rng.below(40);
    let mut message = rng.octets(length);
    if length >= 4 {
        set_sum(&header, &mut message);
    }
    Packet::ip(&header, &message)
}

/// An error about a packet that a VIP sent: one, or the same one cut at each length.
pub(super) fn error(rng: &mut Rng) -> Vec<Packet> {
    let v4 = !rng.one_in(3);
    let any = protocol(rng);
    let (vip, protocol, port) = if rng.one_in(4) {
        (if v4 { rng.pick(&VIPS_V4).into() } else { rng.pick(&VIPS_V6).into() }, any, rng.pick(&PORTS))
    } else {
        endpoint(rng, any)
    };
    let v4 = vip.is_ipv4();
    let mut header = Header::plain(client(rng, v4), vip, if v4 { ICMP } else { ICMPV6 });
    header.decorate(rng);
    let kinds: &[u8] = if v4 { &[3, 3, 3, 11, 12, 4, 5] } else { &[1, 2, 2, 3, 4, 0, 127] };
    let mut message = vec![rng.pick(kinds), rng.pick(&[0, 1, 3, 4, 255]), 0, 0];
    message.extend_from_slice(&rng.octets(4));
    message.extend_from_slice(&embedded(rng, vip, protocol, port));
    let each = rng.one_in(12);
    let lengths = if each { 0..=message.len() } else { message.len()..=message.len() };
    let cut = |length| {
        let mut message = message[..length].to_vec();
        if length >= 4 {
            set_sum(&header, &mut message);
        }
        Packet::ip(&header, &message)
    };
    lengths.map(cut).collect()
}

/// What the backend sent: from the VIP's port to the client's; at times from elsewhere, or a later fragment.
fn embedded(rng: &mut Rng, vip: IpAddr, protocol: u8, port: u16) -> Vec<u8> {
    let v4 = vip.is_ipv4() != rng.one_in(40);
    let from = if rng.one_in(12) || v4 != vip.is_ipv4() { destination(rng, v4) } else { vip };
    let protocol = if rng.one_in(16) { if v4 { ICMP } else { ICMPV6 } } else { protocol };
    let mut header = Header::plain(from, client(rng, v4), protocol);
    header.decorate(rng);
    if rng.one_in(8) {
        header.fragment = Some((rng.next() as u32, rng.pick(&[0, 0, 1, 100]), rng.one_in(2)));
    }
    let client_port = rng.next() as u16;
    header.packet(&between(rng, protocol, port, client_port))
}

fn any(rng: &mut Rng) -> Header {
    let mut header = Header::any(rng, 0);
    header.protocol = if header.destination.is_ipv4() { ICMP } else { ICMPV6 };
    if !rng.one_in(3) {
        (header.options, header.extensions) = (Vec::new(), Vec::new());
    }
    header
}

fn set_sum(header: &Header, message: &mut [u8]) {
    if let (IpAddr::V6(source), IpAddr::V6(destination)) = (header.source, header.destination) {
        return with_sum_v6(source, destination, message);
    }
    message[2..4].fill(0);
    let sum = checksum(message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
}
