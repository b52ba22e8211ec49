//! "Rejecting" of the page: what a client gets without a backend (RFC 9293, 3.10.7.1; RFC 792; RFC 4443).
//!
//! It knows no limit of the rate: who compares the two stays below it.

use std::net::IpAddr;

use dsr::model::OnEmpty;
use dsr_common::limits::{QUOTE_MAX, QUOTED_BYTES};
use etherparse::{IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header, TcpHeader, TcpHeaderSlice};

use super::{
    Fate, Model,
    checksum::{pseudo_header_v6, sum},
    echo::is_host,
    link::{Link, destination, is_group},
    packet::{Fragment, ICMP, ICMPV6, Packet, TCP, has_ports},
};

/// Time to live, or hop limit, of an answer.
const HOPS: u8 = 64;

impl Model {
    /// What becomes of a packet to a service that has no backend.
    pub(super) fn without_backend(&self, link: &Link<'_>, packet: &Packet<'_>, rule: usize) -> Fate {
        let is_askable = packet.fragment == Fragment::Whole
            && !is_group(link.source)
            && is_host(packet.source)
            && !self.is_vip(packet.source);
        if self.rules[rule].on_empty != OnEmpty::Reject || !is_askable {
            return Fate::Ends("drop_no_backend");
        }
        let answer = if packet.protocol == TCP { reset(packet) } else { unreachable(link, packet) };
        match answer {
            Some((protocol, message)) => {
                let mut frame = link.answer(destination(link.frame), link.source);
                frame.extend_from_slice(&from_vip(packet, protocol, &message));
                Fate::Answered("answer_reject", frame)
            }
            None => Fate::Ends("drop_no_backend"),
        }
    }
}

impl Model {
    /// What becomes of a packet that is larger than fits the path to its backend.
    pub(super) fn too_big(&self, link: &Link<'_>, packet: &Packet<'_>, limit: usize) -> Fate {
        let is_answerable = !matches!(packet.fragment, Fragment::Later(_))
            && !is_group(link.source)
            && is_host(packet.source)
            && !self.is_vip(packet.source);
        let (protocol, kind, code) = if packet.destination.is_ipv4() { (ICMP, 3, 4) } else { (ICMPV6, 2, 0) };
        match error(link, packet, (kind, code), limit as u32).filter(|_| is_answerable) {
            Some(message) => {
                let mut frame = link.answer(destination(link.frame), link.source);
                frame.extend_from_slice(&from_vip(packet, protocol, &message));
                Fate::Answered("answer_too_big", frame)
            }
            None => Fate::Ends("drop_too_big"),
        }
    }
}

/// The reset that answers a segment; nothing where that is a reset, or its data offset is not sound.
fn reset(packet: &Packet<'_>) -> Option<(u8, Vec<u8>)> {
    let segment = TcpHeaderSlice::from_slice(packet.payload).ok()?;
    if segment.rst() {
        return None;
    }
    let mut reset = TcpHeader::new(segment.destination_port(), segment.source_port(), 0, 0);
    reset.rst = true;
    if segment.ack() {
        reset.sequence_number = segment.acknowledgment_number();
    } else {
        let data = packet.payload.len() - segment.slice().len();
        let length = data as u32 + u32::from(segment.syn()) + u32::from(segment.fin());
        reset.acknowledgment_number = segment.sequence_number().wrapping_add(length);
        reset.ack = true;
    }
    reset.checksum = match (packet.destination, packet.source) {
        (IpAddr::V4(vip), IpAddr::V4(client)) => {
            reset.calc_checksum_ipv4_raw(vip.octets(), client.octets(), &[]).ok()?
        }
        (IpAddr::V6(vip), IpAddr::V6(client)) => {
            reset.calc_checksum_ipv6_raw(vip.octets(), client.octets(), &[]).ok()?
        }
        _ => return None,
    };
    Some((TCP, reset.to_bytes().to_vec()))
}

/// The message about a packet that no protocol takes; nothing where that is too short, or its headers too long.
fn unreachable(link: &Link<'_>, packet: &Packet<'_>) -> Option<(u8, Vec<u8>)> {
    let (protocol, kind, code) = match packet.destination {
        IpAddr::V4(_) => (ICMP, 3, if has_ports(packet.protocol) { 3 } else { 2 }),
        IpAddr::V6(_) => (ICMPV6, 1, 4),
    };
    Some((protocol, error(link, packet, (kind, code), 0)?))
}

/// An ICMP error with a word before the quotation; nothing where the packet is too short, or its headers too long.
fn error(link: &Link<'_>, packet: &Packet<'_>, (kind, code): (u8, u8), word: u32) -> Option<Vec<u8>> {
    let quote = packet.length - packet.payload.len() + QUOTED_BYTES;
    if quote > QUOTE_MAX || quote > packet.length {
        return None;
    }
    let mut message = vec![kind, code, 0, 0];
    message.extend_from_slice(&word.to_be_bytes());
    message.extend_from_slice(&link.payload[..quote]);
    let pseudo = match (packet.destination, packet.source) {
        (IpAddr::V6(vip), IpAddr::V6(client)) => pseudo_header_v6(vip, client, message.len()),
        _ => Vec::new(),
    };
    let checksum = sum(&[pseudo, message.clone()].concat());
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    Some(message)
}

/// A packet from the VIP to the client, without options.
fn from_vip(packet: &Packet<'_>, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written = match (packet.destination, packet.source) {
        (IpAddr::V4(vip), IpAddr::V4(client)) => {
            let header = Ipv4Header::new(payload.len() as u16, HOPS, IpNumber(protocol), vip.octets(), client.octets());
            header.is_ok_and(|header| header.write(&mut bytes).is_ok())
        }
        (IpAddr::V6(vip), IpAddr::V6(client)) => Ipv6Header {
            traffic_class: 0,
            flow_label: Ipv6FlowLabel::ZERO,
            payload_length: payload.len() as u16,
            next_header: IpNumber(protocol),
            hop_limit: HOPS,
            source: vip.octets(),
            destination: client.octets(),
        }
        .write(&mut bytes)
        .is_ok(),
        _ => false,
    };
    assert!(written, "a short packet between addresses of one family");
    bytes.extend_from_slice(payload);
    bytes
}
