//! Forward modes: how a packet reaches a backend. The one description of a mode, for the XDP program, the probe
//! program, the agent and the commands: its name, what it puts in front of a packet, and what that costs.
//!
//! | mode | frame sent | reaches |
//! |---|---|---|
//! | `l2` | the packet as received, with the backend's MAC | the segment |
//! | `dscp` | the packet with the backend's address as destination and the VIP's code as DSCP (Yahoo's L3DSR) | routers |
//! | `ipip` | outer IP, packet (RFC 2003, 2473, 4213) | routers |
//! | `gre` | outer IP, GRE with an optional key (RFC 2784, 2890), packet | routers |
//! | `gue` | outer IP, UDP, GUE header in variant 0 (draft-ietf-intarea-gue), packet | routers |

use crate::{
    address::{Address, Family},
    ip_header::{self, IpHeader, TTL},
};

/// How a packet reaches the backend. Zero means an unused row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ForwardMode {
    /// Rewrite the Ethernet header; the backend is on the same segment.
    L2 = 1,
    /// Rewrite the destination address and the DSCP, which names the VIP.
    Dscp = 2,
    /// Encapsulate in IP.
    Ipip = 3,
    /// Encapsulate in GRE.
    Gre = 4,
    /// Encapsulate in UDP (generic UDP encapsulation).
    Gue = 5,
}

/// The UDP port of GUE (IANA "Service Name and Transport Protocol Port Number Registry").
pub const GUE_PORT: u16 = 6080;

/// Highest DSCP code (RFC 2474).
pub const DSCP_MAX: u8 = 63;

/// Flag of a tunnel: GRE with a key.
pub const TUNNEL_KEY: u8 = 1;

/// Flag of a tunnel: GUE with its own header, variant 0. Without it, variant 1: the packet directly follows UDP.
pub const TUNNEL_HEADER: u8 = 2;

impl ForwardMode {
    /// All modes.
    pub const ALL: [Self; 5] = [Self::L2, Self::Dscp, Self::Ipip, Self::Gre, Self::Gue];

    /// The name in YAML and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::L2 => "l2",
            Self::Dscp => "dscp",
            Self::Ipip => "ipip",
            Self::Gre => "gre",
            Self::Gue => "gue",
        }
    }

    /// The mode of a row; `None` for an unused row.
    #[inline(always)]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::L2),
            2 => Some(Self::Dscp),
            3 => Some(Self::Ipip),
            4 => Some(Self::Gre),
            5 => Some(Self::Gue),
            _ => None,
        }
    }

    /// Whether its packets pass routers: a gateway is a next hop, and a member has a [`TunnelRow`].
    #[inline(always)]
    pub const fn is_routed(self) -> bool {
        !matches!(self, Self::L2)
    }

    /// Whether it puts an outer IP header in front of the packet.
    #[inline(always)]
    pub const fn encapsulates(self) -> bool {
        matches!(self, Self::Ipip | Self::Gre | Self::Gue)
    }

    /// Bytes that it puts in front of a packet to a backend of this family. `flags`: see the `TUNNEL_` constants.
    #[inline(always)]
    pub const fn overhead(self, backend: Family, flags: u8) -> u16 {
        let shim = match self {
            Self::L2 | Self::Dscp => return 0,
            Self::Ipip => 0,
            Self::Gre if flags & TUNNEL_KEY != 0 => 8,
            Self::Gre => 4,
            Self::Gue if flags & TUNNEL_HEADER != 0 => 12,
            Self::Gue => 8,
        };
        ip_header::length(backend) as u16 + shim
    }

    /// The protocol in the outer IP header (IANA "Protocol Numbers") for a packet of this family.
    #[inline(always)]
    pub const fn outer_protocol(self, packet: Family) -> u8 {
        match self {
            Self::Gre => GRE,
            Self::Gue => UDP,
            Self::L2 | Self::Dscp | Self::Ipip => protocol_of(packet),
        }
    }
}

const GRE: u8 = 47;
const UDP: u8 = 17;

/// The protocol number of IP within IP: IPv4 (RFC 2003) or IPv6 (RFC 2473).
#[inline(always)]
pub const fn protocol_of(packet: Family) -> u8 {
    match packet {
        Family::V4 => 4,
        Family::V6 => 41,
    }
}

/// What modes that cross routers need beside the member's row; the member's own address is the tunnel's other end. A
/// row of its own, so that `l2` does not touch it. The agent writes it before the member's row gets its mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(32))]
pub struct TunnelRow {
    /// The outer source address, of the backend's family.
    pub source: Address,
    /// Bits of the last four bytes of [`TunnelRow::source`] that the flow's hash replaces, in packet byte order; zero
    /// for a constant source. Receivers then spread the flows of one balancer over their queues.
    pub varied: u32,
    /// The GRE key, in packet byte order; used with [`TUNNEL_KEY`].
    pub key: u32,
    /// The largest packet that fits the path: its MTU less the mode's overhead.
    pub limit: u16,
    /// The UDP destination port of GUE, in packet byte order.
    pub port: u16,
    /// Group of next hops: rows [`NEXT_HOPS_PER_GROUP`] times this number and following of the next-hop map, one chosen
    /// by the flow's hash. Zero: the next hop is in the member's row.
    pub group: u16,
    /// DSCP code of the VIP.
    pub dscp: u8,
    /// See the `TUNNEL_` constants.
    pub flags: u8,
}

const _: () = assert!(size_of::<TunnelRow>() == 32);

/// Rows of one group of next hops, a power of two: a next hop's share of a multipath route is in units of its inverse.
pub const NEXT_HOPS_PER_GROUP: u32 = 16;

/// Groups of next hops, counting group zero, which is never used.
pub const NEXT_HOP_GROUPS: u32 = 256;

/// A packet as the outer headers describe it.
#[derive(Clone, Copy, Debug)]
pub struct Inner {
    /// Its family.
    pub family: Family,
    /// Its whole length in bytes.
    pub length: u16,
    /// Its DSCP and ECN.
    pub traffic_class: u8,
}

/// The outer headers of an encapsulated packet.
///
/// TTL 64. DSCP is copied, so that the underlay treats the packet as its class (RFC 2983, uniform model), and so is ECN
/// (RFC 6040, normal mode). IPv4 is sent with "do not fragment", since no packet above the path MTU is sent. The flow's
/// hash is in the UDP source port of GUE and in the IPv6 flow label (RFC 6438), for ECMP and RSS.
#[derive(Clone, Copy, Debug)]
pub struct Outer {
    /// The mode; one that encapsulates.
    pub mode: ForwardMode,
    /// The family of the backend.
    pub family: Family,
    /// The backend's address.
    pub destination: Address,
    /// The tunnel's parameters.
    pub tunnel: TunnelRow,
    /// The packet.
    pub inner: Inner,
    /// The flow's hash.
    pub hash: u64,
}

impl Outer {
    /// Bytes in front of the packet.
    #[inline(always)]
    pub const fn length(&self) -> u16 {
        self.mode.overhead(self.family, self.tunnel.flags)
    }

    /// The outer IP header.
    #[inline(always)]
    pub const fn ip(&self) -> IpHeader {
        let overhead = self.length() - ip_header::length(self.family) as u16;
        IpHeader {
            family: self.family,
            source: self.source(),
            destination: self.destination,
            protocol: self.mode.outer_protocol(self.inner.family),
            hops: TTL,
            traffic_class: self.inner.traffic_class,
            flow_label: self.hash as u32 & 0xf_ffff,
            payload: overhead.wrapping_add(self.inner.length),
        }
    }

    #[inline(always)]
    const fn source(&self) -> Address {
        let (source, varied) = (self.tunnel.source, self.tunnel.varied as u64);
        let shift = match self.family {
            Family::V4 => 0,
            Family::V6 => 32,
        };
        let random = (self.hash >> 8 & varied) << shift;
        Address { hi: source.hi, lo: source.lo & !(varied << shift) | random }
    }

    /// The words between the outer IP header and the packet, as they lie in memory; their number is the rest of
    /// [`Outer::length`].
    ///
    /// The UDP checksum is zero. For IPv6 this is the exception of RFC 6935 for tunnels: the packet has checksums of
    /// its own, the backend accepts only known balancers, and a sum over the packet costs more than all else.
    #[inline(always)]
    pub const fn shim(&self) -> [u32; 3] {
        match self.mode {
            ForwardMode::Gre => gre(self.inner.family, self.tunnel.flags, self.tunnel.key),
            ForwardMode::Gue => gue(self.inner, self.tunnel.flags, self.tunnel.port, self.hash),
            ForwardMode::L2 | ForwardMode::Dscp | ForwardMode::Ipip => [0; 3],
        }
    }
}

/// The GRE header of a packet of this family (RFC 2784, section 2.1; RFC 2890, section 2), see [`Outer::shim`]. `key` is in
/// packet byte order.
#[inline(always)]
pub const fn gre(packet: Family, flags: u8, key: u32) -> [u32; 3] {
    let keyed = if flags & TUNNEL_KEY != 0 { GRE_KEY } else { 0 };
    let protocol = match packet {
        Family::V4 => 0x0800,
        Family::V6 => 0x86dd,
    };
    [(keyed | protocol).to_be(), key, 0]
}

/// The UDP header (RFC 768) and that of GUE (draft-ietf-intarea-gue-09: section 3.1, variant 0; section 4, variant 1), see
/// [`Outer::shim`]. `port` is in packet byte order.
#[inline(always)]
pub const fn gue(inner: Inner, flags: u8, port: u16, hash: u64) -> [u32; 3] {
    let header = if flags & TUNNEL_HEADER != 0 { 12 } else { 8 };
    let source = SOURCE_PORTS | hash as u16 & !SOURCE_PORTS;
    let ports = source.to_be() as u32 | (port as u32) << 16;
    let length = header + inner.length as u32;
    // Variant 0 without flags or extension fields: the second byte is the protocol.
    [ports, (length << 16).to_be(), ((protocol_of(inner.family) as u32) << 16).to_be()]
}

/// The K bit with the fields around it zero.
const GRE_KEY: u32 = 0x2000_0000;

/// The dynamic ports (RFC 6335): the first one, whose clear bits the flow's hash fills.
const SOURCE_PORTS: u16 = 0xc000;

#[cfg(not(target_endian = "little"))]
compile_error!("the last bytes of an address are the upper half of a word of a little-endian machine");
