//! Who has which address in a lab. Pure.
//!
//! Every lab has the same addresses: its namespaces keep them apart from another lab's.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

use dsr_common::{forward::ForwardMode, mac::Mac};

/// The most backends of a lab.
pub const MAX_BACKENDS: u8 = 200;
/// The most VIPs of a lab.
pub const MAX_VIPS: u8 = 100;
/// The client's address.
pub(super) const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// The balancer's address.
pub(super) const BALANCER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
/// The gateway address that hosts resolve; no host has it.
pub(super) const NO_GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 77, 255, 254);
/// The interface of every node but the switch.
pub(super) const INTERFACE: &str = "eth0";
/// The bridge of the switch that client and balancer are on, and the backends where there is no router.
pub(super) const BRIDGE: &str = "br0";
/// The bridge of the switch that the backends are on where there is a router.
pub(super) const FAR_BRIDGE: &str = "br1";
/// The router's interface towards the backends.
pub(super) const FAR_INTERFACE: &str = "eth1";
/// Where the services are.
pub const PORT: u16 = dsr_lab_common::PORT;
/// Where the agent has its metrics, in the balancer's namespace.
pub(super) const METRICS_PORT: u16 = 9650;

/// MACs of the bridges themselves.
pub(super) const BRIDGE_MAC: Mac = Mac([2, 1, 0, 0, 0, 0]);
pub(super) const FAR_BRIDGE_MAC: Mac = Mac([2, 1, 0, 0, 1, 0]);

/// How large a lab is, and what it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) backends: u8,
    pub(super) vips: u8,
    pub(super) families: Families,
    pub(super) placement: Placement,
    pub(super) forward: ForwardMode,
}

/// Where the backends are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placement {
    /// On the segment of client and balancer.
    Segment,
    /// On a segment of their own, behind a router.
    Routed,
}

impl Placement {
    /// Length of the prefix that all addresses of a segment but the VIPs are in.
    pub(super) const fn prefix(self) -> u8 {
        match self {
            Self::Segment => 16,
            Self::Routed => 24,
        }
    }

    /// The same of IPv6.
    pub(super) const fn prefix6(self) -> u8 {
        match self {
            Self::Segment => 64,
            Self::Routed => 112,
        }
    }
}

/// The router's addresses on the segment of a node. Each ends in the same number.
pub(super) const fn router(of: Node) -> (Ipv4Addr, Ipv6Addr) {
    match of {
        Node::Client | Node::Balancer | Node::Router => (Ipv4Addr::new(10, 77, 0, ROUTER), ipv6(0, ROUTER)),
        Node::Backend(_) => (Ipv4Addr::new(10, 77, 1, ROUTER), ipv6(1, ROUTER)),
    }
}

/// The last byte of the router's addresses.
const ROUTER: u8 = 254;

/// Which addresses the nodes have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Families {
    /// IPv4 alone: the kernels do not speak IPv6 at all.
    Ipv4,
    /// One of each.
    Both,
}

/// A node of a lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    /// Sends the requests.
    Client,
    /// Runs the agent.
    Balancer,
    /// Forwards between the balancer's segment and the backends', in a lab that has it.
    Router,
    /// Answers them; numbered from one.
    Backend(u8),
}

impl Node {
    /// Its own address.
    pub const fn address(self) -> Ipv4Addr {
        match self {
            Self::Client => CLIENT,
            Self::Balancer => BALANCER,
            Self::Router => router(self).0,
            Self::Backend(number) => Ipv4Addr::new(10, 77, 1, number),
        }
    }

    /// Its own IPv6 address, in a lab that has them.
    pub const fn address6(self) -> Ipv6Addr {
        match self {
            Self::Client => ipv6(0, 1),
            Self::Balancer => ipv6(0, 2),
            Self::Router => router(self).1,
            Self::Backend(number) => ipv6(1, number),
        }
    }

    /// Its MAC: its address is the end of it, so that a dump can be read.
    pub const fn mac(self) -> Mac {
        let [a, b, c, d] = self.address().octets();
        Mac([2, 0, a, b, c, d])
    }

    /// The MAC of the router on the segment of the backends.
    pub(super) const FAR_MAC: Mac = Mac([2, 0, 10, 77, 1, ROUTER]);

    /// The MAC of its port on the switch.
    pub const fn port_mac(self) -> Mac {
        let [a, b, c, d] = self.address().octets();
        Mac([2, 1, a, b, c, d])
    }
}

/// The name of its namespace within the lab, and of its port on the switch. A backend's is its name in the
/// configuration too.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client => f.write_str("client"),
            Self::Balancer => f.write_str("balancer"),
            Self::Router => f.write_str("router"),
            Self::Backend(number) => write!(f, "web{number}"),
        }
    }
}

/// The VIP with this index, counted from zero.
pub(super) const fn vip(index: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, 10 + index)
}

/// The IPv6 VIP with this index, counted from zero.
pub(super) const fn vip6(index: u8) -> Ipv6Addr {
    ipv6(0, 10 + index)
}

const fn ipv6(group: u16, number: u8) -> Ipv6Addr {
    Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, group, number as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_end_in_the_number() {
        assert_eq!(Node::Backend(200).address6().to_string(), "fd77::1:c8");
    }

    #[test]
    fn macs_end_in_the_address() {
        assert_eq!(Node::Backend(7).mac().to_string(), "02:00:0a:4d:01:07");
        assert_eq!(Node::Backend(7).port_mac().to_string(), "02:01:0a:4d:01:07");
    }
}
