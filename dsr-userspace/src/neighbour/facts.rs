//! What the kernel tells, in the few words that the way to a backend needs.

use std::net::IpAddr;

use crate::model::{Mac, NoHop, VlanTag};

/// One thing that the kernel told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    /// A link is there, or has changed. The number is its index.
    Link(u32, Link),
    /// A link is gone.
    LinkGone(u32),
    /// An entry of the neighbour table is there, or has changed.
    Neighbour(NeighbourKey, Entry),
    /// An entry of the neighbour table is gone.
    NeighbourGone(NeighbourKey),
    /// A route to this prefix came, went or changed.
    RouteChanged(Prefix),
    /// A bridge sends frames for this MAC by the link of this index.
    Forwarding(ForwardingKey, u32),
    /// A bridge does not know any more where this MAC is.
    ForwardingGone(ForwardingKey),
    /// The VLANs that a bridge lets through this link, which is one of its ports or the bridge itself.
    PortVlans(u32, Vec<PortVlan>),
    /// A next-hop object came, went or changed: its id.
    NextHopChanged(u32),
    /// Any route may be another one now: a rule or an address of this node changed.
    RoutesChanged,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Its name.
    pub(super) name: String,
    /// Its MAC; none where it is no Ethernet device.
    pub(super) mac: Option<Mac>,
    /// Its MTU in bytes.
    pub(super) mtu: u32,
    /// Whether it is administratively up; the kernel has routes by it only then.
    pub(super) enabled: bool,
    /// Whether it has a carrier.
    pub(super) carrier: bool,
    /// What it stands on.
    pub(super) kind: Kind,
    /// Index of the bond or bridge that it is a part of, or of another link that it is subordinate to.
    pub(super) controller: Option<u32>,
    /// What it does for its bond.
    pub(super) duty: Duty,
}

impl Link {
    /// Whether frames can be sent on it.
    pub(super) const fn is_up(&self) -> bool {
        self.enabled && self.carrier
    }
}

/// What a link stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing that matters: a device of its own.
    Plain,
    /// Another link, with a tag.
    Vlan(Vlan),
    /// The links that it controls, one of which may carry all frames: its index.
    Bond {
        /// Index of the slave that carries all frames, if only one does.
        active: Option<u32>,
    },
    /// The links that it controls, by its forwarding table.
    Bridge {
        /// The protocol of the tags that it sorts frames by, if it does, in host byte order.
        filter: Option<u16>,
    },
}

/// What a bond's slave does; links without a bond are active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duty {
    /// It carries frames.
    Active,
    /// It carries none.
    Standby,
}

/// What names an entry of a bridge's forwarding table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ForwardingKey {
    /// Index of the bridge.
    pub(super) bridge: u32,
    /// The MAC.
    pub(super) mac: Mac,
    /// The VLAN; zero where the bridge does not sort frames by VLANs.
    pub(super) vlan: u16,
}

/// A VLAN that a bridge lets through a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PortVlan {
    /// Its number.
    pub(super) id: u16,
    /// Whether frames that come in without a tag belong to it (`PVID`).
    pub(super) own: bool,
    /// Whether its frames go out without a tag.
    pub(super) untagged: bool,
}

/// What a VLAN sub-interface stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Vlan {
    /// Index of the link below.
    pub(super) parent: u32,
    /// The tag that frames have there.
    pub(super) tag: VlanTag,
}

/// What names an entry of the neighbour table: the link's index and the neighbour's address.
pub(super) type NeighbourKey = (u32, IpAddr);

/// An entry of the neighbour table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// It has no MAC that could be used: the kernel is asking, or was never asked to.
    Unresolved,
    /// The kernel asked, and had no answer.
    Failed,
    /// It has a MAC.
    Resolved(Mac, Confirmation),
}

/// Who sees to it that a resolved entry is still true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Confirmation {
    /// No question is pending: the kernel waits for packets of its own to send (REACHABLE, STALE).
    Idle,
    /// The kernel, at this moment (DELAY, PROBE).
    Checking,
    /// It is true by decree (PERMANENT, NOARP).
    Fixed,
}

/// The kernel's answer to "how do I reach this address".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Not at all.
    No(NoHop),
    /// By links.
    Out(Out),
}

/// How packets leave by a route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Out {
    /// In the route's order.
    pub(super) next_hops: Vec<RouteHop>,
    /// The route's metric `mtu`, in bytes.
    pub(super) mtu: Option<u32>,
    /// The address that this host's own packets come from.
    pub(super) source: Option<IpAddr>,
    /// The ids of the next-hop objects (`ip nexthop`) that the route's next hops come from: its own, and those of a group.
    pub(super) objects: Vec<u32>,
}

/// One next hop of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RouteHop {
    /// Index of the link.
    pub(super) oif: u32,
    /// The router; nothing where the destination is on the link.
    pub(super) gateway: Option<IpAddr>,
    /// Its share relative to the route's others.
    pub(super) weight: u32,
}

/// Addresses that start with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefix {
    /// An address with these bits.
    pub(super) address: IpAddr,
    /// How many bits count.
    pub(super) length: u8,
}

impl Prefix {
    /// Whether `address` is of this family and starts with these bits.
    pub(super) fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let differing = a.to_bits() ^ b.to_bits();
                differing.leading_zeros() >= u32::from(self.length)
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let differing = a.to_bits() ^ b.to_bits();
                differing.leading_zeros() >= u32::from(self.length)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_contains_its_addresses_only() {
        let prefix = |address: &str, length| Prefix { address: address.parse().unwrap(), length };
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(prefix("10.1.0.0", 16).contains(address("10.1.2.3")));
        assert!(!prefix("10.1.0.0", 16).contains(address("10.2.2.3")));
        assert!(prefix("10.1.2.3", 32).contains(address("10.1.2.3")));
        assert!(!prefix("10.1.2.2", 32).contains(address("10.1.2.3")));
        assert!(prefix("0.0.0.0", 0).contains(address("10.1.2.3")));
        assert!(!prefix("::", 0).contains(address("10.1.2.3")));
        assert!(prefix("2001:db8::", 32).contains(address("2001:db8::7")));
        assert!(!prefix("2001:db8::", 64).contains(address("2001:db8:0:1::7")));
    }
}
