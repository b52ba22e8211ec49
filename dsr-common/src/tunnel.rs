//! The row of a member's tunnel, and the outer headers that are made from it: for the XDP program, the probe program and the
//! agent.

use crate::{
    address::{Address, Family},
    checksum::folded,
    forward::{ForwardMode, OUTER_HEADER, OUTER_KEY, protocol_of},
    ip_header::{self, IpHeader, TTL},
};

/// Flag of a tunnel's row: the outer IP header is an IPv6 header.
pub const TUNNEL_IPV6: u8 = 1;

/// Flag of a tunnel's row: the outer headers contain a UDP header.
pub const TUNNEL_GUE: u8 = 2;

/// What modes that cross routers need beside the member, see [`crate::member::MemberRows`]. The agent writes it before the member
/// gets its mode.
///
/// In modes that encapsulate, it contains the outer headers with the fields left out that differ between packets: DSCP, ECN
/// and lengths are zero, and so are the bits that the flow's hash fills. See [`Outer::row`] and [`TunnelRow::headers`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct TunnelRow {
    /// The outer IP header as it lies in memory; IPv4 uses the first 20 bytes, and its checksum field contains the sum of the
    /// other fields, see [`folded`]. Source and sum are in one word, which is written at once.
    pub ip: [u64; 5],
    /// What follows the outer IP header, as it lies in memory.
    pub shim: [u32; 3],
    /// Bits of the last four bytes of the outer source that the flow's hash replaces, in packet byte order; zero for a constant
    /// source. Receivers then spread the flows of one balancer over their queues.
    pub varied: u32,
    /// The largest packet that fits the path: its MTU less [`TunnelRow::overhead`].
    pub limit: u16,
    /// Group of next hops: rows [`crate::forward::NEXT_HOPS_PER_GROUP`] times this number and following of the next-hop map, one chosen
    /// by the flow's hash. Zero: the next hop is in the member's row.
    pub group: u16,
    /// Bytes in front of the packet: the outer IP header and the words of [`TunnelRow::shim`] that are used.
    pub overhead: u8,
    /// DSCP code of the VIP.
    pub dscp: u8,
    /// See the `TUNNEL_` constants.
    pub flags: u8,
    /// Padding, always zero.
    pub pad: u8,
}

const _: () = assert!(size_of::<TunnelRow>() == 64);

/// The outer headers of a tunnel.
///
/// TTL 64. DSCP is copied, so that the underlay treats the packet as its class (RFC 2983, uniform model), and so is ECN
/// (RFC 6040, normal mode). IPv4 is sent with "do not fragment", since no packet above the path MTU is sent. The flow's
/// hash is in the UDP source port of GUE and in the IPv6 flow label (RFC 6438), for ECMP and RSS.
#[derive(Clone, Copy, Debug)]
pub struct Outer {
    /// The mode; one that encapsulates.
    pub mode: ForwardMode,
    /// The family of both addresses.
    pub family: Family,
    /// The source address, of the backend's family.
    pub source: Address,
    /// See [`TunnelRow::varied`].
    pub varied: u32,
    /// The backend's address.
    pub destination: Address,
    /// The family of the packets: that of the VIP.
    pub packet: Family,
    /// The GRE key, in host byte order; used with [`OUTER_KEY`].
    pub key: u32,
    /// The UDP destination port of GUE, in host byte order.
    pub port: u16,
    /// See the `OUTER_` constants.
    pub flags: u8,
}

impl Outer {
    /// The row of such a tunnel, whose path takes packets of up to `limit` bytes before encapsulation.
    pub fn row(&self, limit: u16) -> TunnelRow {
        let overhead = self.mode.overhead(self.family, self.flags);
        let header = IpHeader {
            family: self.family,
            source: self.constant_source(),
            destination: self.destination,
            protocol: self.mode.outer_protocol(self.packet),
            hops: TTL,
            traffic_class: 0,
            flow_label: 0,
            payload: 0,
        };
        let mut row = TunnelRow { shim: self.shim(), varied: self.varied, limit, ..TunnelRow::default() };
        row.overhead = overhead as u8;
        match self.family {
            Family::V4 => {
                let [first, flags, third, source, destination] = header.v4();
                // Without the length, and with the sum in place of its complement.
                row.ip[0] = joined(first & u32::from_ne_bytes([0xff, 0xff, 0, 0]), flags);
                let third = third & 0xffff;
                let sum = u64::from(row.ip[0] as u32) + u64::from(flags) + u64::from(third);
                let sum = folded(sum + u64::from(source) + u64::from(destination));
                row.ip[1] = joined(third | u32::from(sum) << 16, source);
                row.ip[2] = u64::from(destination);
            }
            Family::V6 => {
                let words = header.v6();
                row.ip = core::array::from_fn(|index| joined(words[2 * index], words[2 * index + 1]));
                row.flags |= TUNNEL_IPV6;
            }
        }
        if matches!(self.mode, ForwardMode::Gue) {
            row.flags |= TUNNEL_GUE;
        }
        row
    }

    /// The source without the bits that vary.
    fn constant_source(&self) -> Address {
        let varied = u64::from(self.varied) << varied_shift(self.family);
        Address { hi: self.source.hi, lo: self.source.lo & !varied }
    }

    /// The words between the outer IP header and the packet, as they lie in memory, without length and source port.
    ///
    /// GRE: RFC 2784, section 2.1; RFC 2890, section 2. UDP: RFC 768. GUE: draft-ietf-intarea-gue-09, section 3.1 (variant 0)
    /// and section 4 (variant 1).
    ///
    /// The UDP checksum is zero. For IPv6 this is the exception of RFC 6935 for tunnels: the packet has checksums of
    /// its own, the backend accepts only known balancers, and a sum over the packet costs more than all else.
    fn shim(&self) -> [u32; 3] {
        match self.mode {
            ForwardMode::Gre => {
                let has_key = self.flags & OUTER_KEY != 0;
                let protocol = match self.packet {
                    Family::V4 => 0x0800,
                    Family::V6 => 0x86dd,
                };
                let key = if has_key { self.key } else { 0 };
                [(if has_key { GRE_KEY } else { 0 } | protocol).to_be(), key.to_be(), 0]
            }
            ForwardMode::Gue => {
                let ports = u32::from(SOURCE_PORT) << 16 | u32::from(self.port);
                // Variant 0 without flags or extension fields: the second byte is the protocol.
                let has_header = self.flags & OUTER_HEADER != 0;
                let header = if has_header { u32::from(protocol_of(self.packet)) << 16 } else { 0 };
                [ports.to_be(), 0, header.to_be()]
            }
            ForwardMode::L2 | ForwardMode::Dscp | ForwardMode::Ipip => [0; 3],
        }
    }
}

/// A packet as its outer headers describe it.
#[derive(Clone, Copy, Debug)]
pub struct Inner {
    /// Its whole length in bytes.
    pub length: u16,
    /// Its DSCP and ECN.
    pub traffic_class: u8,
    /// The flow's hash.
    pub hash: u64,
}

impl Inner {
    /// The first word of the outer IPv4 header, from that of the row.
    #[inline(always)]
    pub const fn ipv4_first(&self, first: u64, overhead: u8) -> u64 {
        first | (self.traffic_class as u64) << 8 | (self.total(overhead) as u64) << 16
    }

    /// The second word of the outer IPv4 header, from that of the row.
    #[inline(always)]
    pub const fn ipv4_second(&self, second: u64, overhead: u8, varied: u32) -> u64 {
        let random = self.random(varied);
        let sum = (second >> 16 & 0xffff) + ((self.traffic_class as u64) << 8) + self.total(overhead) as u64 + random;
        let sum = (sum & 0xffff) + (sum >> 16);
        let sum = (sum & 0xffff) + (sum >> 16);
        let sum = (sum & 0xffff) + (sum >> 16);
        second & !0xffff_0000 | (sum ^ 0xffff) << 16 | random << 32
    }

    /// The first word of the outer IPv6 header, from that of the row.
    #[inline(always)]
    pub const fn ipv6_first(&self, first: u64, overhead: u8) -> u64 {
        let payload = self.length.wrapping_add(overhead as u16).wrapping_sub(ip_header::length(Family::V6) as u16);
        let label = (self.traffic_class as u32) << 20 | self.hash as u32 & 0xf_ffff;
        first | label.to_be() as u64 | (payload.to_be() as u64) << 32
    }

    /// The third word of the outer IPv6 header, from that of the row: the last eight bytes of the source.
    #[inline(always)]
    pub const fn ipv6_third(&self, third: u64, varied: u32) -> u64 {
        third | self.random(varied) << 32
    }

    /// UDP ports, length and checksum of GUE, from the first word behind the outer IP header in the row.
    #[inline(always)]
    pub const fn udp(&self, ports: u32, overhead: u8, family: Family) -> u64 {
        let length = self.length.wrapping_add(overhead as u16).wrapping_sub(ip_header::length(family) as u16);
        ports as u64 | (self.hash as u16 & SOURCE_PORT_BITS).to_be() as u64 | (length.to_be() as u64) << 32
    }

    /// The total length of the outer IPv4 packet, in packet byte order.
    #[inline(always)]
    const fn total(&self, overhead: u8) -> u16 {
        self.length.wrapping_add(overhead as u16).to_be()
    }

    #[inline(always)]
    const fn random(&self, varied: u32) -> u64 {
        self.hash >> 8 & varied as u64
    }
}

impl TunnelRow {
    /// The outer headers of a packet, as they lie in memory: the IP header, of which IPv4 uses the first 20 bytes, and the
    /// words behind it. [`TunnelRow::overhead`] is the length of both.
    #[inline(always)]
    pub const fn headers(&self, inner: &Inner) -> ([u64; 5], [u32; 3]) {
        let [first, second, third, fourth, fifth] = self.ip;
        let family = self.family();
        let ip = match family {
            Family::V4 => [
                inner.ipv4_first(first, self.overhead),
                inner.ipv4_second(second, self.overhead, self.varied),
                third,
                0,
                0,
            ],
            Family::V6 => {
                [inner.ipv6_first(first, self.overhead), second, inner.ipv6_third(third, self.varied), fourth, fifth]
            }
        };
        let mut shim = self.shim;
        if self.flags & TUNNEL_GUE != 0 {
            let udp = inner.udp(shim[0], self.overhead, family);
            shim = [udp as u32, (udp >> 32) as u32, shim[2]];
        }
        (ip, shim)
    }

    /// The family of the outer IP header.
    #[inline(always)]
    pub const fn family(&self) -> Family {
        if self.flags & TUNNEL_IPV6 == 0 { Family::V4 } else { Family::V6 }
    }
}

/// Two words as one, in memory order.
const fn joined(first: u32, second: u32) -> u64 {
    first as u64 | (second as u64) << 32
}

/// Where the last four bytes of an address are in its lower word.
const fn varied_shift(family: Family) -> u32 {
    match family {
        Family::V4 => 0,
        Family::V6 => 32,
    }
}

/// The K bit with the fields around it zero.
const GRE_KEY: u32 = 0x2000_0000;

/// The UDP source ports of GUE: the first one, and the bits that the flow's hash fills. They are dynamic ports (RFC 6335)
/// below those that cloud networks keep for themselves, such as 65330 in Azure.
const SOURCE_PORT: u16 = 0xc000;
const SOURCE_PORT_BITS: u16 = 0x1fff;

#[cfg(not(target_endian = "little"))]
compile_error!("the last bytes of an address are the upper half of a word of a little-endian machine");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(outer: &Outer, row: &TunnelRow, inner: &Inner) -> IpHeader {
        let random = (inner.hash >> 8 & u64::from(outer.varied)) << varied_shift(outer.family);
        let constant = outer.constant_source();
        IpHeader {
            family: outer.family,
            source: Address { lo: constant.lo | random, ..constant },
            destination: outer.destination,
            protocol: outer.mode.outer_protocol(outer.packet),
            hops: TTL,
            traffic_class: inner.traffic_class,
            flow_label: inner.hash as u32 & 0xf_ffff,
            payload: (inner.length + u16::from(row.overhead)).wrapping_sub(ip_header::length(outer.family) as u16),
        }
    }

    proptest! {
        #[test]
        fn filled_in_headers_are_those_built_anew(
            mode in prop::sample::select(&[ForwardMode::Ipip, ForwardMode::Gre, ForwardMode::Gue][..]),
            ipv6: [bool; 2],
            addresses: [u64; 4],
            varied: u32,
            flags in 0_u8..4,
            length in 20_u16..65_000,
            traffic_class: u8,
            hash: u64,
        ) {
            let [family, packet] = ipv6.map(|ipv6| if ipv6 { Family::V6 } else { Family::V4 });
            let address = |hi, lo| match family {
                Family::V4 => Address { hi: 0, lo: lo & 0xffff_ffff },
                Family::V6 => Address { hi, lo },
            };
            let [a, b, c, d] = addresses;
            let (source, destination) = (address(a, b), address(c, d));
            let outer = Outer { mode, family, source, varied, destination, packet, key: 7, port: 6080, flags };
            let (row, inner) = (outer.row(1480), Inner { length, traffic_class, hash });
            let (ip, shim) = row.headers(&inner);
            let words = ip.iter().flat_map(|word| [*word as u32, (*word >> 32) as u32]);
            let expected = header(&outer, &row, &inner);
            match family {
                Family::V4 => prop_assert!(words.take(5).eq(expected.v4())),
                Family::V6 => prop_assert!(words.eq(expected.v6())),
            }
            if mode == ForwardMode::Gue {
                let source_port = u16::from_be(shim[0] as u16);
                prop_assert!((0xc000..0xe000).contains(&source_port));
                prop_assert_eq!(u32::from(expected.payload.to_be()), shim[1]);
            }
        }
    }
}
