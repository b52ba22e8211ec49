//! A backend's tunnels: which end there, who sends them, and for which VIPs.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU16,
};

use super::DscpCode;

/// The traffic that a backend takes from balancers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tunnels {
    /// Where tunnels come from.
    pub balancers: Vec<Prefix>,
    /// The VIPs that this host serves.
    pub vips: Vec<IpAddr>,
    /// Whether IPIP tunnels end here, in all four mixes of families.
    pub ipip: bool,
    /// Whether GRE tunnels end here.
    pub gre: Option<Gre>,
    /// The UDP port where GUE tunnels end, of either variant.
    pub gue: Option<NonZeroU16>,
    /// The VIPs that packets are marked for by a DSCP code.
    pub dscp: BTreeMap<IpAddr, DscpCode>,
}

/// Which GRE packets are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gre {
    /// The key that each must have; without one, none may have a key.
    pub key: Option<u32>,
}

/// The UDP port of GUE unless another one is configured.
pub const GUE_PORT: NonZeroU16 = NonZeroU16::new(dsr_common::forward::GUE_PORT).unwrap();

/// Addresses with the same first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix {
    /// The address; the bits after the prefix are zero.
    pub address: IpAddr,
    /// The number of bits.
    pub length: u8,
}

impl Prefix {
    /// The prefix of this length that contains an address; nothing where the family has fewer bits.
    pub fn new(address: IpAddr, length: u8) -> Option<Self> {
        let host_bits = bits(address).checked_sub(length)?;
        let cleared = |bits: u128| bits.checked_shr(host_bits.into()).map_or(0, |bits| bits << host_bits);
        let address = match address {
            IpAddr::V4(address) => IpAddr::V4((cleared(u32::from(address).into()) as u32).into()),
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(cleared(address.into()))),
        };
        Some(Self { address, length })
    }

    /// The prefix of an address alone.
    pub const fn host(address: IpAddr) -> Self {
        Self { address, length: bits(address) }
    }

    /// Whether it is one address alone.
    pub const fn is_host(self) -> bool {
        self.length == bits(self.address)
    }

    /// Whether it contains an address.
    pub fn contains(self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4() && Self::new(address, self.length) == Some(self)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_host() { write!(f, "{}", self.address) } else { write!(f, "{}/{}", self.address, self.length) }
    }
}

/// Bits of an address of this family.
const fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_contains_what_begins_with_it() {
        let prefix = |text: &str, length| Prefix::new(text.parse().unwrap(), length).unwrap();
        let is_in = |text: &str, prefix: Prefix| prefix.contains(text.parse().unwrap());
        let ten = prefix("10.64.3.9", 10);
        assert_eq!(ten.to_string(), "10.64.0.0/10");
        assert!(is_in("10.127.255.255", ten) && !is_in("10.128.0.0", ten) && !is_in("::10.64.0.1", ten));
        let doc = prefix("2001:db8::1", 32);
        assert_eq!(doc.to_string(), "2001:db8::/32");
        assert!(is_in("2001:db8:ffff::", doc) && !is_in("2001:db9::", doc));
        for all in [prefix("1.2.3.4", 0), prefix("::1", 0)] {
            assert_eq!(all.length, 0);
            assert!(all.address.is_unspecified());
        }
        assert_eq!(prefix("192.0.2.1", 32).to_string(), "192.0.2.1");
        assert_eq!(Prefix::new("192.0.2.1".parse().unwrap(), 33), None);
    }
}
