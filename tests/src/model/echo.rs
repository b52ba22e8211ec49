//! The answer to an echo request (RFC 792; RFC 4443, 4.1 and 4.2).

use std::net::{IpAddr, Ipv6Addr};

use super::{
    Model,
    checksum::replace,
    ipv4, ipv6,
    link::{Link, destination, is_group},
    packet::{Headers, Packet},
};

/// Time to live, or hop limit, of an answer.
const HOPS: u8 = 64;

impl Model {
    /// The answer, where the message is a request that gets one.
    pub(super) fn echo(&self, link: &Link<'_>, packet: &Packet<'_>) -> Option<Vec<u8>> {
        let (request, reply) = if packet.destination.is_ipv4() { (8, 0) } else { (128, 129) };
        if packet.payload[..2] != [request, 0] || packet.headers == Headers::Extended {
            return None;
        }
        if is_group(link.source) || !is_host(packet.source) || self.is_vip(packet.source) {
            return None;
        }
        let mut answer = link.answer(destination(link.frame), link.source);
        answer.extend_from_slice(link.payload);
        let ip = &mut answer[link.length..];
        match packet.destination {
            IpAddr::V4(_) => {
                let (source, vip) = (ip[12..16].to_vec(), ip[16..20].to_vec());
                let protocol = ip[9];
                replace(ip, 8, &[HOPS, protocol], 10);
                ip[12..16].copy_from_slice(&vip);
                ip[16..20].copy_from_slice(&source);
                replace(&mut ip[ipv4::HEADER..], 0, &[reply, 0], 2);
            }
            IpAddr::V6(_) => {
                let (source, vip) = (ip[8..24].to_vec(), ip[24..40].to_vec());
                ip[7] = HOPS;
                ip[8..24].copy_from_slice(&vip);
                ip[24..40].copy_from_slice(&source);
                replace(&mut ip[ipv6::HEADER..], 0, &[reply, 0], 2);
            }
        }
        Some(answer)
    }
}

/// Whether an address is one that a host on the network can have.
pub(super) fn is_host(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !matches!(v4.octets()[0], 0 | 127 | 224..=255),
        IpAddr::V6(v6) => !v6.is_multicast() && v6 != Ipv6Addr::UNSPECIFIED && v6 != Ipv6Addr::LOCALHOST,
    }
}
