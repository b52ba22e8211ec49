//! Whom packets are to be sent to, and how.

use std::{collections::BTreeSet, net::IpAddr};

/// The addresses that packets are to be sent to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Destinations {
    /// Those that are expected on a segment of this host: a router on the way is a reason not to reach them.
    pub on_link: BTreeSet<IpAddr>,
    /// Those that may be behind routers.
    pub routed: BTreeSet<IpAddr>,
}

impl Destinations {
    /// Whether an address is one of either kind.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.on_link.contains(&address) || self.routed.contains(&address)
    }

    /// Those that may be behind routers for all that is sent to them.
    pub fn only_routed(&self) -> BTreeSet<IpAddr> {
        self.routed.difference(&self.on_link).copied().collect()
    }

    /// Each address once.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.on_link.union(&self.routed).copied()
    }
}
