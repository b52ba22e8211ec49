//! What the network says of a tunnel's packets: ICMP errors that quote the outer header (RFC 792, RFC 4443).
//!
//! Enters: ICMP messages to this host, by a raw socket. Leaves: the weightiest of those about packets to one backend. The outer
//! packets are written by the data path, so no socket of the kernel's own gets these errors.

use std::{
    io::{self, Read},
    net::IpAddr,
};

use dsr_common::{
    address::Family,
    forward::{ForwardMode, protocol_of},
};
use socket2::{Domain, Protocol, Socket, Type};

use crate::model::Forward;

/// What the network said of the packets to a backend while its far end was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TunnelAnswer {
    /// Nothing.
    Nothing,
    /// They are larger than a link on the path takes: its MTU in bytes, where the router tells it.
    TooBig(Option<u16>),
    /// Protocol or port unreachable: nothing at the far end takes them off the tunnel.
    Refused,
}

/// Listens for errors about the packets of a tunnel.
#[derive(Debug)]
pub(super) struct TunnelErrors {
    socket: Socket,
    backend: IpAddr,
    forward: Forward,
}

impl TunnelErrors {
    /// Listens from here on.
    pub(super) fn listen(backend: IpAddr, forward: Forward) -> io::Result<Self> {
        let (domain, protocol) = match backend {
            IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
            IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
        };
        let socket = Socket::new(domain, Type::RAW, Some(protocol))?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, backend, forward })
    }

    /// What came until now.
    pub(super) fn take(&self) -> TunnelAnswer {
        let mut found = TunnelAnswer::Nothing;
        let mut packet = [0; LONGEST];
        for _ in 0..MOST {
            let Ok(length) = (&self.socket).read(&mut packet) else { break };
            match read(&packet[..length], self.backend, self.forward) {
                Some(TunnelAnswer::Refused) => found = TunnelAnswer::Refused,
                Some(answer) if found == TunnelAnswer::Nothing => found = answer,
                _ => {}
            }
        }
        found
    }
}

/// What an ICMP message says, if it is an error about a packet of this tunnel. IPv4 comes with the IP header, IPv6 without.
fn read(packet: &[u8], backend: IpAddr, forward: Forward) -> Option<TunnelAnswer> {
    let header = if backend.is_ipv4() { length_of_v4(packet)? } else { 0 };
    let (icmp, quoted) = packet.get(header..)?.split_at_checked(ICMP_HEADER)?;
    let mtu = |bytes: [u8; 2]| Some(u16::from_be_bytes(bytes)).filter(|mtu| *mtu != 0);
    let answer = match (backend, icmp[0], icmp[1]) {
        (IpAddr::V4(_), UNREACHABLE, PROTOCOL | PORT) => TunnelAnswer::Refused,
        (IpAddr::V6(_), UNREACHABLE6, PORT6) | (IpAddr::V6(_), PARAMETER_PROBLEM6, NEXT_HEADER6) => {
            TunnelAnswer::Refused
        }
        (IpAddr::V4(_), UNREACHABLE, FRAGMENTATION_NEEDED) | (IpAddr::V6(_), TOO_BIG6, _) => {
            TunnelAnswer::TooBig(mtu([icmp[6], icmp[7]]))
        }
        _ => return None,
    };
    is_of(quoted, backend, forward).then_some(answer)
}

/// Whether what an error quotes is an outer packet to this backend.
fn is_of(quoted: &[u8], backend: IpAddr, forward: Forward) -> bool {
    let outer = match backend {
        IpAddr::V4(to) => length_of_v4(quoted)
            .filter(|_| quoted.get(16..20) == Some(&to.octets()))
            .and_then(|length| Some((*quoted.get(9)?, quoted.get(length..)?))),
        IpAddr::V6(to) => {
            quoted.get(40..).filter(|_| quoted.get(24..40) == Some(&to.octets())).map(|payload| (quoted[6], payload))
        }
    };
    let Some((protocol, payload)) = outer else { return false };
    match forward {
        Forward::L2 | Forward::Dscp(_) => false,
        Forward::Ipip(_) => protocol == protocol_of(Family::V4) || protocol == protocol_of(Family::V6),
        Forward::Gre { .. } => protocol == ForwardMode::Gre.outer_protocol(Family::V4),
        Forward::Gue { port, .. } => {
            protocol == ForwardMode::Gue.outer_protocol(Family::V4)
                && payload.get(2..4) == Some(&port.get().to_be_bytes())
        }
    }
}

/// Length of the IPv4 header that a packet begins with.
fn length_of_v4(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    let length = usize::from(first & 0xf) * 4;
    (first >> 4 == 4 && length >= 20 && packet.len() >= length).then_some(length)
}

const ICMP_HEADER: usize = 8;

const UNREACHABLE: u8 = 3;
const PROTOCOL: u8 = 2;
const PORT: u8 = 3;
const FRAGMENTATION_NEEDED: u8 = 4;

const UNREACHABLE6: u8 = 1;
const PORT6: u8 = 4;
const TOO_BIG6: u8 = 2;
const PARAMETER_PROBLEM6: u8 = 4;
const NEXT_HEADER6: u8 = 1;

/// Bytes that are read of a message: all headers, and more than RFC 792 has quoted.
const LONGEST: usize = 256;

/// Messages that are read at once: the socket sees every ICMP message of the host.
const MOST: usize = 1000;

#[cfg(test)]
#[path = "tunnel_tests.rs"]
mod tests;
