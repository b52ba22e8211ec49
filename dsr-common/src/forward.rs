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

use crate::{address::Family, ip_header};

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

/// Flag of [`crate::tunnel::Outer`]: GRE with a key.
pub const OUTER_KEY: u8 = 1;

/// Flag of [`crate::tunnel::Outer`]: GUE with its own header, variant 0. Without it, variant 1: the packet directly follows UDP.
pub const OUTER_HEADER: u8 = 2;

/// Rows of one group of next hops, a power of two: a next hop's share of a multipath route is in units of its inverse.
pub const NEXT_HOPS_PER_GROUP: u32 = 16;

/// Groups of next hops, counting group zero, which is never used.
pub const NEXT_HOP_GROUPS: u32 = 256;

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

    /// Whether its packets pass routers: a gateway is a next hop, and a member has a [`crate::tunnel::TunnelRow`].
    #[inline(always)]
    pub const fn is_routed(self) -> bool {
        !matches!(self, Self::L2)
    }

    /// Whether it puts an outer IP header in front of the packet.
    #[inline(always)]
    pub const fn encapsulates(self) -> bool {
        matches!(self, Self::Ipip | Self::Gre | Self::Gue)
    }

    /// Bytes that it puts in front of a packet to a backend of this family. `flags`: see the `OUTER_` constants.
    #[inline(always)]
    pub const fn overhead(self, backend: Family, flags: u8) -> u16 {
        let shim = match self {
            Self::L2 | Self::Dscp => return 0,
            Self::Ipip => 0,
            Self::Gre if flags & OUTER_KEY != 0 => 8,
            Self::Gre => 4,
            Self::Gue if flags & OUTER_HEADER != 0 => 12,
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
