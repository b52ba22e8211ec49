//! The short way for nearly every packet: one check of the frame's end, no tag, no options, no fragment.
//!
//! Takes only what the long way takes too, and makes the same of it; whatever else there is to say about a frame is said
//! there.

use dsr_common::{
    address::{Address, Family},
    flow::Flow,
};

use super::{Addressee, Link, Packet, Payload};
use crate::{
    frame::Frame,
    interface::Interface,
    wire::{
        ethernet,
        ipv4::MIN,
        plain::{Headers, VERSION_LENGTH},
        transport::{TCP, TCP_MIN, UDP, UDP_MIN},
    },
};

/// A frame that was read the short way.
pub(crate) struct Plain {
    pub(crate) link: Link,
    pub(crate) packet: Packet,
    /// Where the packet ends.
    pub(crate) end: usize,
}

/// A whole TCP or UDP packet to this interface's MAC, or nothing where it takes a closer look.
#[inline(always)]
pub(crate) fn parse(frame: &Frame, interface: &Interface) -> Option<Plain> {
    let headers: &Headers = frame.at(0)?;
    let (header, ip, tcp) = (&headers.link, &headers.ip, &headers.tcp);
    let link = Link {
        source: header.source(),
        length: ethernet::MACS,
        addressee: Addressee::Us,
        payload: Payload::Ipv4,
        ifindex: interface.ifindex,
    };
    let total = usize::from(ip.total_length.get());
    let end = link.end() + total;
    if header.destination() != interface.mac
        || header.ethertype() != ethernet::IPV4
        || ip.version_length != VERSION_LENGTH
        || ip.is_fragment()
        || !frame.holds(end)
    {
        return None;
    }
    let opens = match ip.protocol {
        TCP if total >= MIN + TCP_MIN => tcp.opens(),
        UDP if total >= MIN + UDP_MIN => false,
        _ => return None,
    };
    Some(Plain { link, packet: Packet { flow: flow(headers), opens }, end })
}

/// The packet of a frame that was read this way before, without another look at what was found right.
#[inline(always)]
pub(crate) fn parse_again(frame: &Frame) -> Option<Packet> {
    let headers: &Headers = frame.at(0)?;
    Some(Packet { flow: flow(headers), opens: headers.ip.protocol == TCP && headers.tcp.opens() })
}

#[inline(always)]
fn flow(Headers { ip, tcp, .. }: &Headers) -> Flow {
    Flow {
        family: Family::V4,
        protocol: ip.protocol,
        client_port: tcp.ports.source.raw(),
        service_port: tcp.ports.destination.raw(),
        client: Address::from_v4(ip.source),
        vip: Address::from_v4(ip.destination),
    }
}
