//! A newly built IP header without options or extension headers, for replies and encapsulation.

use dsr_common::address::{Address, Family};

use crate::{
    checksum::{folded, halves},
    frame::Frame,
    wire::{
        Be16, ipv4,
        ipv6::{self, Words},
    },
};

/// The fields of the header.
pub(crate) struct IpHeader {
    pub(crate) family: Family,
    pub(crate) source: Address,
    pub(crate) destination: Address,
    /// The payload's protocol (IANA "Protocol Numbers").
    pub(crate) protocol: u8,
    /// TTL, or hop limit.
    pub(crate) hops: u8,
    /// Bytes of the payload.
    pub(crate) payload: u16,
}

/// Bytes of a header of this family.
#[inline(always)]
pub(crate) const fn length(family: Family) -> usize {
    match family {
        Family::V4 => ipv4::MIN,
        Family::V6 => ipv6::HEADER,
    }
}

impl IpHeader {
    /// Writes the header at `start`. In IPv4 with identification zero and "do not fragment".
    #[inline(always)]
    pub(crate) fn write(&self, frame: &mut Frame, start: usize) -> Option<()> {
        match self.family {
            Family::V4 => *frame.at_mut(start)? = self.v4(),
            Family::V6 => *frame.at_mut(start)? = self.v6(),
        }
        Some(())
    }

    #[inline(always)]
    fn v4(&self) -> ipv4::Header {
        let (total_length, fragment) = (Be16::new(self.payload + ipv4::MIN as u16), ipv4::DO_NOT_FRAGMENT);
        let words = u64::from(u16::from_ne_bytes([ipv4::VERSION_LENGTH, 0]))
            + u64::from(total_length.raw())
            + u64::from(fragment.raw())
            + u64::from(u16::from_ne_bytes([self.hops, self.protocol]));
        ipv4::Header {
            version_length: ipv4::VERSION_LENGTH,
            tos: 0,
            total_length,
            id: Be16::new(0),
            fragment,
            ttl: self.hops,
            protocol: self.protocol,
            checksum: Be16::from_raw(!folded(words + self.source.lo + self.destination.lo)),
            source: self.source.v4_octets(),
            destination: self.destination.v4_octets(),
        }
    }

    #[inline(always)]
    fn v6(&self) -> ipv6::Header {
        ipv6::Header {
            version_class_label: [0x60, 0, 0, 0],
            payload_length: Be16::new(self.payload),
            next_header: self.protocol,
            hop_limit: self.hops,
            source: Words { hi: self.source.hi, lo: self.source.lo },
            destination: Words { hi: self.destination.hi, lo: self.destination.lo },
        }
    }

    /// The sum over the pseudo header that the payload's checksum covers, for either family (RFC 9293, section 3.1; RFC
    /// 8200, section 8.1).
    #[inline(always)]
    pub(crate) const fn pseudo_sum(&self) -> u64 {
        halves(self.source.hi)
            + halves(self.source.lo)
            + halves(self.destination.hi)
            + halves(self.destination.lo)
            + (self.payload as u32).to_be() as u64
            + (self.protocol as u32).to_be() as u64
    }
}
