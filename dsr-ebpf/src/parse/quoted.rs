//! The packet quoted by an ICMP error, which identifies the flow that the error is about.
//!
//! A backend sent it, from the VIP to the client: source and destination are swapped compared with the flow.

use dsr_common::{
    address::{Address, Family},
    flow::Flow,
};

use super::{Ip, Packet, Part, extension};
use crate::{
    frame::Frame,
    wire::{
        icmp, ipv4,
        ipv6::{self, HEADER},
        transport::{Ports, SCTP, TCP, UDP},
    },
};

/// Parses the flow; `None` if the message quotes too little of a packet, or one that the VIP did not send.
#[inline(always)]
pub(crate) fn parse(frame: &Frame, error: &Ip) -> Option<Packet> {
    let start = error.payload + icmp::MIN;
    let quoted = match error.family {
        Family::V4 => v4(frame, start, error.end)?,
        Family::V6 => v6(frame, start, error.end)?,
    };
    if quoted.payload + size_of::<Ports>() > error.end || quoted.vip.lo != error.vip.lo || quoted.vip.hi != error.vip.hi
    {
        return None;
    }
    let (service_port, client_port) = match quoted.protocol {
        TCP | UDP | SCTP => {
            let ports: &Ports = frame.at(quoted.payload)?;
            (ports.source.raw(), ports.destination.raw())
        }
        _ => (0, 0),
    };
    let Quoted { protocol, client, vip, .. } = quoted;
    let flow = Flow { family: error.family, protocol, client_port, service_port, client, vip };
    Some(Packet { flow, opens: false })
}

struct Quoted {
    protocol: u8,
    vip: Address,
    client: Address,
    payload: usize,
}

#[inline(always)]
fn v4(frame: &Frame, start: usize, end: usize) -> Option<Quoted> {
    if start + ipv4::MIN > end {
        return None;
    }
    let ip: &ipv4::Header = frame.at(start)?;
    if ip.version() != 4 || ip.length() < ipv4::MIN || ip.offset() != 0 {
        return None;
    }
    let (vip, client) = (Address::from_v4(ip.source), Address::from_v4(ip.destination));
    Some(Quoted { protocol: ip.protocol, vip, client, payload: start + ip.length() })
}

#[inline(always)]
fn v6(frame: &Frame, start: usize, end: usize) -> Option<Quoted> {
    if start + HEADER > end {
        return None;
    }
    let ip: &ipv6::Header = frame.at(start)?;
    if ip.version() != 6 {
        return None;
    }
    let vip = Address { hi: ip.source.hi, lo: ip.source.lo };
    let client = Address { hi: ip.destination.hi, lo: ip.destination.lo };
    let last = extension::walk(frame, ip.next_header, start + HEADER, end)?;
    if matches!(last.fragment.part(), Part::Later) {
        return None;
    }
    Some(Quoted { protocol: last.protocol, vip, client, payload: last.payload })
}
