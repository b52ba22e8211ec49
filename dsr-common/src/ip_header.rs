//! A newly built IP header without options or extension headers, for replies and encapsulation: fields in, the words
//! of the header out.

use crate::{
    address::{Address, Family},
    checksum::{folded, halves},
};

/// 32-bit words of an IPv4 header (RFC 791).
pub const V4_WORDS: usize = 5;
/// 32-bit words of an IPv6 header (RFC 8200).
pub const V6_WORDS: usize = 10;

/// TTL or hop limit of a new packet, as recommended by IANA ("IP Option Numbers", default TTL).
pub const TTL: u8 = 64;

/// The IPv4 flag "do not fragment", in host byte order.
const DO_NOT_FRAGMENT: u16 = 0x4000;

/// The fields of the header.
#[derive(Clone, Copy, Debug)]
pub struct IpHeader {
    /// The family of both addresses.
    pub family: Family,
    /// The source address.
    pub source: Address,
    /// The destination address.
    pub destination: Address,
    /// The payload's protocol (IANA "Protocol Numbers").
    pub protocol: u8,
    /// TTL, or hop limit.
    pub hops: u8,
    /// DSCP and ECN: the byte called TOS in IPv4 and traffic class in IPv6.
    pub traffic_class: u8,
    /// The IPv6 flow label, 20 bits (RFC 6437); IPv4 has none.
    pub flow_label: u32,
    /// Bytes of the payload.
    pub payload: u16,
}

/// Bytes of a header of this family.
#[inline(always)]
pub const fn length(family: Family) -> usize {
    match family {
        Family::V4 => V4_WORDS * 4,
        Family::V6 => V6_WORDS * 4,
    }
}

impl IpHeader {
    /// The IPv4 header as native words whose memory is the header, checksum included; identification zero and "do not
    /// fragment" (RFC 6864, section 4.1).
    #[inline(always)]
    pub const fn v4(&self) -> [u32; V4_WORDS] {
        let length = self.payload.wrapping_add((V4_WORDS * 4) as u16);
        let first = ((0x45_u32 << 24) | (self.traffic_class as u32) << 16 | length as u32).to_be();
        let second = (DO_NOT_FRAGMENT as u32).to_be();
        let third = ((self.hops as u32) << 24 | (self.protocol as u32) << 16).to_be();
        let (source, destination) = (self.source.lo as u32, self.destination.lo as u32);
        let sum = first as u64 + second as u64 + third as u64 + source as u64 + destination as u64;
        let [high, low] = (!folded(sum)).to_ne_bytes();
        [first, second, third | u32::from_ne_bytes([0, 0, high, low]), source, destination]
    }

    /// The IPv6 header as native words whose memory is the header.
    #[inline(always)]
    pub const fn v6(&self) -> [u32; V6_WORDS] {
        let first = ((6_u32 << 28) | (self.traffic_class as u32) << 20 | self.flow_label & 0xf_ffff).to_be();
        let second = ((self.payload as u32) << 16 | (self.protocol as u32) << 8 | self.hops as u32).to_be();
        let (s, d) = (self.source, self.destination);
        [
            first,
            second,
            s.hi as u32,
            (s.hi >> 32) as u32,
            s.lo as u32,
            (s.lo >> 32) as u32,
            d.hi as u32,
            (d.hi >> 32) as u32,
            d.lo as u32,
            (d.lo >> 32) as u32,
        ]
    }

    /// The sum over the pseudo header that the payload's checksum covers, for either family (RFC 9293, section 3.1; RFC
    /// 8200, section 8.1).
    #[inline(always)]
    pub const fn pseudo_sum(&self) -> u64 {
        halves(self.source.hi)
            + halves(self.source.lo)
            + halves(self.destination.hi)
            + halves(self.destination.lo)
            + (self.payload as u32).to_be() as u64
            + (self.protocol as u32).to_be() as u64
    }
}

#[cfg(not(target_endian = "little"))]
compile_error!("the words of an address are split for little-endian machines");
