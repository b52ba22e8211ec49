//! How a packet reaches the backends of a pool.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZeroU16,
};

use dsr_common::{
    address::Family,
    forward::{DSCP_MAX, ForwardMode, OUTER_HEADER, OUTER_KEY},
};

/// The forward mode of a pool with its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    /// By its Ethernet header alone; the backends are on the same segment.
    L2,
    /// By the backend's address in place of the VIP; the DSCP tells the backend which VIP it was.
    Dscp(DscpCode),
    /// In an IP packet to the backend.
    Ipip(OuterSources),
    /// In GRE to the backend.
    Gre {
        /// The key, which GRE is sent without if there is none.
        key: Option<u32>,
        /// Where the outer packets come from.
        sources: OuterSources,
    },
    /// In UDP to the backend.
    Gue {
        /// The destination port.
        port: NonZeroU16,
        /// With or without a header of GUE.
        variant: GueVariant,
        /// Where the outer packets come from.
        sources: OuterSources,
    },
}

impl Forward {
    /// The mode without its parameters.
    pub const fn mode(self) -> ForwardMode {
        match self {
            Self::L2 => ForwardMode::L2,
            Self::Dscp(_) => ForwardMode::Dscp,
            Self::Ipip(_) => ForwardMode::Ipip,
            Self::Gre { .. } => ForwardMode::Gre,
            Self::Gue { .. } => ForwardMode::Gue,
        }
    }

    /// The flags of its outer headers, see [`dsr_common::forward`].
    pub const fn flags(self) -> u8 {
        match self {
            Self::Gre { key: Some(_), .. } => OUTER_KEY,
            Self::Gue { variant: GueVariant::Zero, .. } => OUTER_HEADER,
            _ => 0,
        }
    }

    /// Bytes that it puts in front of a packet to a backend of this family.
    pub const fn overhead(self, backend: Family) -> u16 {
        self.mode().overhead(backend, self.flags())
    }

    /// Where tunnels to a backend come from: the configured outer source of its family, else the address that the route to it
    /// prefers. Nothing where there is none of its family, and in modes that put no outer header in front.
    pub fn outer_source(self, backend: IpAddr, of_route: Option<IpAddr>) -> Option<OuterSource> {
        let configured = match self {
            Self::L2 | Self::Dscp(_) => return None,
            Self::Ipip(sources) | Self::Gre { sources, .. } | Self::Gue { sources, .. } => sources.towards(backend),
        };
        let of_route = of_route.filter(|source| source.is_ipv4() == backend.is_ipv4());
        configured.or(of_route.map(|address| OuterSource { address, varied: 0 }))
    }

    /// Whether nothing can be sent to a backend because there is no outer source for it.
    pub fn lacks_source(self, backend: IpAddr, of_route: Option<IpAddr>) -> bool {
        self.mode().encapsulates() && self.outer_source(backend, of_route).is_none()
    }
}

/// The DSCP that stands for a VIP in forward mode `dscp`: 1 to 63.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DscpCode(u8);

impl DscpCode {
    /// A code; nothing for zero, which is the DSCP of ordinary packets, and above [`DSCP_MAX`].
    pub const fn new(code: u8) -> Option<Self> {
        if code == 0 || code > DSCP_MAX { None } else { Some(Self(code)) }
    }

    /// The code as a number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// The variant of GUE (draft-ietf-intarea-gue).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GueVariant {
    /// A header of four bytes between UDP and the packet.
    Zero,
    /// The packet directly after UDP.
    #[default]
    One,
}

/// The configured outer source addresses, each without effect where a backend is of the other family; the route's where
/// there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OuterSources {
    /// An IPv4 address, and the length of the prefix that is kept: the bits after it vary with the flow.
    pub ipv4: Option<(Ipv4Addr, u8)>,
    /// The same for IPv6; at most the last 32 bits vary.
    pub ipv6: Option<(Ipv6Addr, u8)>,
}

impl OuterSources {
    fn towards(self, backend: IpAddr) -> Option<OuterSource> {
        match backend {
            IpAddr::V4(_) => self.ipv4.map(|(address, length)| OuterSource::new(address.into(), 32, length)),
            IpAddr::V6(_) => self.ipv6.map(|(address, length)| OuterSource::new(address.into(), 128, length)),
        }
    }
}

/// An outer source address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OuterSource {
    /// The address.
    pub address: IpAddr,
    /// The bits of its last four bytes that vary with the flow, in host byte order.
    pub varied: u32,
}

/// The address, or the prefix that is kept.
impl fmt::Display for OuterSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = if self.address.is_ipv4() { 32 } else { 128 };
        match self.varied.count_ones() {
            0 => write!(f, "{}", self.address),
            varied => write!(f, "{}/{}", self.address, bits - varied),
        }
    }
}

impl OuterSource {
    fn new(address: IpAddr, bits: u8, length: u8) -> Self {
        let free = bits.saturating_sub(length);
        Self { address, varied: u32::MAX.checked_shr(32_u32.saturating_sub(free.into())).unwrap_or(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_after_a_prefix_vary() {
        let varied = |bits, length| OuterSource::new(Ipv4Addr::UNSPECIFIED.into(), bits, length).varied;
        assert_eq!([32, 31, 24, 16, 0].map(|length| varied(32, length)), [0, 1, 0xff, 0xffff, u32::MAX]);
        assert_eq!([128, 120, 96, 64].map(|length| varied(128, length)), [0, 0xff, u32::MAX, u32::MAX]);
    }

    #[test]
    fn the_outer_source_is_of_the_backends_family() {
        let [backend, route, other] = ["10.1.0.11", "10.0.0.2", "2001:db8::2"].map(|text| text.parse().unwrap());
        let configured = OuterSources { ipv4: Some((Ipv4Addr::new(10, 0, 0, 9), 32)), ipv6: None };
        let source = |sources, backend, of_route| {
            Forward::Ipip(sources).outer_source(backend, of_route).map(|source| source.address)
        };
        assert_eq!(source(configured, backend, Some(route)), Some([10, 0, 0, 9].into()));
        assert_eq!(source(OuterSources::default(), backend, Some(route)), Some(route));
        assert_eq!(source(OuterSources::default(), backend, Some(other)), None);
        assert_eq!(source(configured, other, None), None);
        let lacks = |forward: Forward| forward.lacks_source(backend, None);
        assert!(lacks(Forward::Ipip(OuterSources::default())) && !lacks(Forward::Ipip(configured)));
        assert!(!lacks(Forward::L2) && !lacks(Forward::Dscp(DscpCode::new(8).unwrap())), "they have no outer header");
    }

    #[test]
    fn overheads_are_those_of_the_headers() {
        let sources = OuterSources::default();
        let port = NonZeroU16::MIN;
        let cases = [
            (Forward::L2, [0, 0]),
            (Forward::Dscp(DscpCode::new(8).unwrap()), [0, 0]),
            (Forward::Ipip(sources), [20, 40]),
            (Forward::Gre { key: None, sources }, [24, 44]),
            (Forward::Gre { key: Some(0), sources }, [28, 48]),
            (Forward::Gue { port, variant: GueVariant::One, sources }, [28, 48]),
            (Forward::Gue { port, variant: GueVariant::Zero, sources }, [32, 52]),
        ];
        for (forward, overheads) in cases {
            assert_eq!([Family::V4, Family::V6].map(|family| forward.overhead(family)), overheads, "{forward:?}");
        }
    }
}
