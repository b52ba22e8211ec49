//! Reads ICMP errors that quote the outer header of a tunnel's packet (RFC 792, RFC 4443). Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use dsr_common::{
    address::Family,
    forward::{ForwardMode, protocol_of},
};

use super::kind::ErrorKind;
use crate::model::Forward;

/// An error about a packet that may be a tunnel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TunnelError {
    /// What it says.
    pub(crate) kind: ErrorKind,
    /// The MTU in bytes that a router gives with [`ErrorKind::TooBig`]; routers before RFC 1191 gave none.
    pub(crate) mtu: Option<u16>,
    /// Where the packet was sent to.
    pub(crate) backend: IpAddr,
    /// What the packet was.
    pub(crate) tunnel: Tunnel,
}

/// The kind of a tunnel, as far as the first bytes of a packet show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tunnel {
    /// IP in IP.
    Ip,
    /// GRE.
    Gre,
    /// UDP to this port.
    Udp(u16),
}

impl Tunnel {
    /// Whether packets of this forward mode are of this kind.
    pub(crate) fn is_of(self, forward: Forward) -> bool {
        match forward {
            Forward::L2 | Forward::Dscp(_) => false,
            Forward::Ipip(_) => self == Self::Ip,
            Forward::Gre { .. } => self == Self::Gre,
            Forward::Gue { port, .. } => self == Self::Udp(port.get()),
        }
    }

    fn read(protocol: u8, payload: &[u8]) -> Option<Self> {
        const IPV4: u8 = protocol_of(Family::V4);
        const IPV6: u8 = protocol_of(Family::V6);
        const GRE: u8 = ForwardMode::Gre.outer_protocol(Family::V4);
        const UDP: u8 = ForwardMode::Gue.outer_protocol(Family::V4);
        match protocol {
            IPV4 | IPV6 => Some(Self::Ip),
            GRE => Some(Self::Gre),
            UDP => Some(Self::Udp(u16::from_be_bytes([*payload.get(2)?, *payload.get(3)?]))),
            _ => None,
        }
    }
}

/// Reads what a raw socket receives: an IPv4 packet with ICMP, or for IPv6 an `ICMPv6` message. Nothing for what is no error
/// about a packet that may be a tunnel's, or is cut off before that shows.
pub(crate) fn read(family: Family, packet: &[u8]) -> Option<TunnelError> {
    let header = match family {
        Family::V4 => length_of_v4(packet)?,
        Family::V6 => 0,
    };
    let (icmp, quoted) = packet.get(header..)?.split_at_checked(ICMP_HEADER)?;
    let kind = match family {
        Family::V4 => ErrorKind::of_icmp(icmp[0], icmp[1])?,
        Family::V6 => ErrorKind::of_icmpv6(icmp[0], icmp[1])?,
    };
    // IPv6 has 32 bits for it, of which no link's MTU needs the upper ones.
    let mtu = Some(u16::from_be_bytes([icmp[6], icmp[7]])).filter(|mtu| kind == ErrorKind::TooBig && *mtu != 0);
    let (backend, tunnel) = match family {
        Family::V4 => {
            let payload = quoted.get(length_of_v4(quoted)?..)?;
            let to: [u8; 4] = quoted.get(16..20)?.try_into().ok()?;
            (Ipv4Addr::from(to).into(), Tunnel::read(quoted[9], payload)?)
        }
        Family::V6 => {
            let (header, payload) = quoted.split_at_checked(40)?;
            let to: [u8; 16] = header.get(24..40)?.try_into().ok()?;
            (Ipv6Addr::from(to).into(), Tunnel::read(header[6], payload)?)
        }
    };
    Some(TunnelError { kind, mtu, backend, tunnel })
}

/// Length of the IPv4 header that a packet begins with.
fn length_of_v4(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    let length = usize::from(first & 0xf) * 4;
    (first >> 4 == 4 && length >= 20 && packet.len() >= length).then_some(length)
}

/// Bytes of ICMP before what it quotes.
pub(super) const ICMP_HEADER: usize = 8;

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
