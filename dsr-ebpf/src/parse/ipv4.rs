//! IPv4 with options, and the ports behind it.

use dsr_common::{
    address::{Address, Family},
    flow::Flow,
    stats::Reason,
};

use super::{Link, Packet};
use crate::{
    frame::Frame,
    maps, service,
    wire::{
        icmp,
        ipv4::{Header, MIN},
        transport::{Ports, TCP, TCP_MIN, TcpHead, UDP, UDP_MIN},
    },
};

/// An IPv4 packet that may be for a VIP.
pub(crate) enum Parsed {
    /// TCP or UDP; whether it is for a service is still to be seen.
    Transport(Packet),
    /// ICMP; whether it is for a VIP is still to be seen.
    Icmp(Icmp),
}

/// An ICMP message whose IP header and length are sound.
pub(crate) struct Icmp {
    /// Where the IP header starts.
    pub(crate) network: usize,
    /// Octets of the IP header.
    pub(crate) header: usize,
    /// Octets of the ICMP message.
    pub(crate) length: usize,
    pub(crate) client: Address,
    pub(crate) vip: Address,
}

/// Reads the IP header and what is behind it.
#[inline(always)]
pub(crate) fn parse(frame: &Frame, link: &Link) -> Result<Parsed, Reason> {
    let network = link.end();
    let ip: &Header = frame.at(network).ok_or(Reason::PassTruncated)?;
    if ip.version() != 4 {
        return Err(Reason::PassNotIp);
    }
    let vip = Address::from_v4(ip.destination);
    inspect(frame, link, network, ip, vip).map_err(|reason| service::reason_if_vip(Family::V4, vip, reason))
}

/// As [`parse`], with reasons that are true only of a VIP.
#[inline(always)]
fn inspect(frame: &Frame, link: &Link, network: usize, ip: &Header, vip: Address) -> Result<Parsed, Reason> {
    let total = usize::from(ip.total_length.get());
    let header = ip.length();
    if header < MIN || total < header || !fits(frame, network + total) {
        return Err(Reason::DropMalformed);
    }
    if ip.is_fragment() {
        return Err(Reason::DropFragment);
    }
    let (ports, opens) = match ip.protocol {
        TCP if total >= header + TCP_MIN => {
            let tcp: &TcpHead = frame.at(network + header).ok_or(Reason::DropMalformed)?;
            (tcp.ports, tcp.opens())
        }
        UDP if total >= header + UDP_MIN => {
            let ports: &Ports = frame.at(network + header).ok_or(Reason::DropMalformed)?;
            (*ports, false)
        }
        TCP | UDP => return Err(Reason::DropMalformed),
        icmp::PROTOCOL => {
            let client = Address::from_v4(ip.source);
            return Ok(Parsed::Icmp(Icmp { network, header, length: total - header, client, vip }));
        }
        _ => return Err(Reason::DropProtocol),
    };
    Ok(Parsed::Transport(Packet {
        flow: Flow {
            family: Family::V4,
            protocol: ip.protocol,
            client_port: ports.source.raw(),
            service_port: ports.destination.raw(),
            client: Address::from_v4(ip.source),
            vip,
        },
        link_length: link.length,
        ifindex: link.ifindex,
        octets: (network + total) as u32,
        opens,
    }))
}

/// Whether the frame holds `length` octets, in one buffer or several.
#[inline(always)]
fn fits(frame: &Frame, length: usize) -> bool {
    frame.holds(length) || (maps::jumbo() && frame.whole_length() >= length)
}
