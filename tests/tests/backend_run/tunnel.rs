//! What a balancer puts in front of a packet, in each kind of tunnel.

use std::net::IpAddr;

use etherparse::{IpNumber, Ipv4Header, Ipv6Header};

/// How packets reach the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tunnel {
    Ipip,
    Gre,
    GreKeyed,
    /// In variant 0 or 1.
    Gue(u8),
}

impl Tunnel {
    pub(crate) const ALL: [Self; 4] = [Self::Ipip, Self::Gre, Self::Gue(0), Self::Gue(1)];

    /// The entry of `accept`.
    pub(crate) const fn accept(self) -> &'static str {
        match self {
            Self::Ipip => "ipip",
            Self::Gre => "gre",
            Self::GreKeyed => "{gre: {key: 7}}",
            Self::Gue(_) => "gue",
        }
    }

    /// The reason that its packets are counted for.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Ipip => "decap_ipip",
            Self::Gre | Self::GreKeyed => "decap_gre",
            Self::Gue(_) => "decap_gue",
        }
    }

    /// The outer protocol, and what stands between the outer IP header and the packet.
    fn shim(self, packet: &[u8]) -> (IpNumber, Vec<u8>) {
        let is_v4 = packet[0] >> 4 == 4;
        let (number, ethertype): (u8, [u8; 2]) = if is_v4 { (4, [0x08, 0x00]) } else { (41, [0x86, 0xdd]) };
        let gue = |header: &[u8]| {
            let length = (8 + header.len() + packet.len()) as u16;
            let udp = [&50000_u16.to_be_bytes()[..], &6080_u16.to_be_bytes(), &length.to_be_bytes(), &[0, 0]].concat();
            (IpNumber::UDP, [&udp, header].concat())
        };
        match self {
            Self::Ipip => (IpNumber(number), Vec::new()),
            Self::Gre => (IpNumber::GRE, [&[0, 0][..], &ethertype].concat()),
            Self::GreKeyed => (IpNumber::GRE, [&[0x20, 0][..], &ethertype, &[0, 0, 0, 7]].concat()),
            Self::Gue(0) => gue(&[0, number, 0, 0]),
            Self::Gue(_) => gue(&[]),
        }
    }

    /// The packet that goes to the backend.
    pub(crate) fn wrap(self, from: IpAddr, to: IpAddr, packet: &[u8]) -> Vec<u8> {
        let (protocol, shim) = self.shim(packet);
        let length = (shim.len() + packet.len()) as u16;
        let outer = match (from, to) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                let mut ip = Ipv4Header::new(length, 64, protocol, from.octets(), to.octets()).unwrap();
                ip.header_checksum = ip.calc_header_checksum();
                ip.to_bytes().to_vec()
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => Ipv6Header {
                payload_length: length,
                next_header: protocol,
                hop_limit: 64,
                source: from.octets(),
                destination: to.octets(),
                ..Ipv6Header::default()
            }
            .to_bytes()
            .to_vec(),
            _ => unreachable!("a tunnel is of one family"),
        };
        [&outer, &shim, packet].concat()
    }
}
