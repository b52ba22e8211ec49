//! The IP header of an answer that is made anew: from the VIP to the client, without options.

use dsr_common::address::Family;

use super::{
    TTL,
    checksum::{folded, halves},
};
use crate::{
    frame::Frame,
    parse::Ip,
    wire::{
        Be16, ipv4,
        ipv6::{self, Words},
    },
};

/// Octets of the header.
#[inline(always)]
pub(super) const fn length(family: Family) -> usize {
    match family {
        Family::V4 => ipv4::MIN,
        Family::V6 => ipv6::HEADER,
    }
}

/// Writes the header where the one of the packet that is answered was, in front of `payload` octets.
#[inline(always)]
pub(super) fn write(frame: &mut Frame, ip: &Ip, protocol: u8, payload: u16) -> Option<()> {
    match ip.family {
        Family::V4 => {
            let mut header = ipv4::Header {
                version_length: 0x45,
                tos: 0,
                total_length: Be16::new(payload + ipv4::MIN as u16),
                id: Be16::new(0),
                fragment: ipv4::DO_NOT_FRAGMENT,
                ttl: TTL,
                protocol,
                checksum: Be16::new(0),
                source: ip.vip.v4_octets(),
                destination: ip.client.v4_octets(),
            };
            let words = u64::from(u16::from_ne_bytes([0x45, 0]))
                + u64::from(header.total_length.raw())
                + u64::from(header.fragment.raw())
                + u64::from(u16::from_ne_bytes([TTL, protocol]));
            header.checksum = Be16::from_raw(!folded(words + ip.vip.lo + ip.client.lo));
            *frame.at_mut::<ipv4::Header>(ip.start)? = header;
        }
        Family::V6 => {
            *frame.at_mut::<ipv6::Header>(ip.start)? = ipv6::Header {
                version_class_label: [0x60, 0, 0, 0],
                payload_length: Be16::new(payload),
                next_header: protocol,
                hop_limit: TTL,
                source: Words { hi: ip.vip.hi, lo: ip.vip.lo },
                destination: Words { hi: ip.client.hi, lo: ip.client.lo },
            };
        }
    }
    Some(())
}

/// The sum over the pseudo header of either family (RFC 9293, section 3.1; RFC 8200, section 8.1).
#[inline(always)]
pub(super) const fn pseudo_sum(ip: &Ip, protocol: u8, length: u16) -> u64 {
    halves(ip.vip.hi)
        + halves(ip.vip.lo)
        + halves(ip.client.hi)
        + halves(ip.client.lo)
        + (length as u32).to_be() as u64
        + (protocol as u32).to_be() as u64
}
