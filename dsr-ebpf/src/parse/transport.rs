//! The ports after an IP header.

use dsr_common::{address::Family, flow::Flow, stats::Reason};

use super::{Ip, Packet};
use crate::{
    frame::Frame,
    wire::{
        Be16,
        ipv6::NO_NEXT_HEADER,
        transport::{Ports, SCTP, SCTP_MIN, TCP, TCP_MIN, TcpHead, UDP, UDP_MIN},
    },
};

/// Parses the flow of a packet that is not a later fragment. Other protocols have no ports: both count as zero.
#[inline(always)]
pub(crate) fn parse(frame: &Frame, ip: &Ip) -> Result<Packet, Reason> {
    let none = Be16::new(0);
    let (ports, opens) = match ip.protocol {
        TCP => {
            let tcp: &TcpHead = sound(frame, ip, TCP_MIN)?;
            (tcp.ports, tcp.opens())
        }
        UDP => (*sound::<Ports>(frame, ip, UDP_MIN)?, false),
        SCTP => (*sound::<Ports>(frame, ip, SCTP_MIN)?, false),
        NO_NEXT_HEADER if matches!(ip.family, Family::V6) => return Err(Reason::DropProtocol),
        _ => (Ports { source: none, destination: none }, false),
    };
    let flow = Flow {
        family: ip.family,
        protocol: ip.protocol,
        client_port: ports.source.raw(),
        service_port: ports.destination.raw(),
        client: ip.client,
        vip: ip.vip,
    };
    Ok(Packet { flow, opens })
}

/// The header, if the packet contains the `length` bytes that its protocol requires.
#[inline(always)]
fn sound<'a, T: crate::frame::Header>(frame: &'a Frame, ip: &Ip, length: usize) -> Result<&'a T, Reason> {
    if ip.payload + length > ip.end {
        return Err(Reason::DropMalformed);
    }
    frame.at(ip.payload).ok_or(Reason::DropMalformed)
}
