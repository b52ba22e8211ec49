//! What the network allows: interfaces, and the way to each backend.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
};

pub use dsr_common::mac::Mac;
use dsr_common::vlan::Vlan;

use super::{Destinations, Forward};

/// What the agent knows of the network at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// The interfaces of the configuration that exist, by name.
    pub interfaces: BTreeMap<String, InterfaceState>,
    /// The ports of those that are bonds, by index: frames come in on them.
    pub ports: BTreeMap<u32, BondPort>,
    /// The tagged VLANs that this host is in on each of the interfaces, by index: those of its VLAN sub-interfaces and of
    /// its bridges, and so all that backends are in.
    pub vlans: BTreeMap<u32, BTreeSet<Vlan>>,
    /// The tags of this host's frames in those VLANs, outermost first, by index of the interface.
    pub vlan_tags: BTreeMap<u32, BTreeSet<Vec<VlanTag>>>,
    /// The way to each backend that was asked for; see also [`Network::hop`].
    pub reach: BTreeMap<IpAddr, Reach>,
    /// Those of these backends that a router leads to, and the first one's address.
    pub gateways: BTreeMap<IpAddr, IpAddr>,
}

impl Network {
    /// Whether it says of each of these addresses how it is reached, or why not.
    pub fn has_all(&self, destinations: &Destinations) -> bool {
        destinations.addresses().all(|address| self.reach.contains_key(&address))
    }

    /// How a backend is reached by a forward mode, or why it is not.
    pub fn hop(&self, address: IpAddr, forward: Forward) -> Result<&Hop, NoHop> {
        match (self.reach.get(&address), self.gateways.get(&address)) {
            (Some(Reach::Hop(_)), Some(gateway)) if !forward.mode().is_routed() => Err(NoHop::Gateway(*gateway)),
            (Some(Reach::Hop(hop)), _) if forward.lacks_source(address, hop.path.source) => {
                Err(NoHop::NoSource(address))
            }
            (Some(Reach::Hop(hop)), _) => Ok(hop),
            (Some(Reach::No(no)), _) => Err(no.clone()),
            (None, _) => Err(NoHop::NoNeighbour(address)),
        }
    }

    /// Why nothing can be sent to a backend by a forward mode; nothing where it can.
    pub fn no_hop(&self, address: IpAddr, forward: Forward) -> Option<NoHop> {
        self.hop(address, forward).err()
    }

    /// The address of this host that the route to a backend prefers, where that is known.
    pub fn source_towards(&self, address: IpAddr) -> Option<IpAddr> {
        match self.reach.get(&address) {
            Some(Reach::Hop(hop)) => hop.path.source,
            _ => None,
        }
    }

    /// The MAC of a backend on a segment of this host, where it is known.
    pub fn mac(&self, address: IpAddr) -> Option<Mac> {
        match self.reach.get(&address) {
            Some(Reach::Hop(hop)) if !self.gateways.contains_key(&address) => Some(hop.destination),
            _ => None,
        }
    }
}

/// One of the configuration's interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceState {
    /// The kernel's index.
    pub ifindex: u32,
    /// The MAC that hosts on its segment know this host by, and that announcements name: its own, or that of the bond or
    /// bridge that it is a part of.
    pub mac: Mac,
    /// Its MTU in bytes.
    pub mtu: u32,
    /// Whether it is administratively up and has a carrier.
    pub up: bool,
}

/// A port of a bond that is one of the configuration's interfaces, and is none itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BondPort {
    /// Its name.
    pub name: String,
    /// The bond's name.
    pub bond: String,
}

/// The largest MTU whose frames a driver can hold in one buffer: a page of 4096 bytes less the headroom of XDP (256)
/// and the kernel's `skb_shared_info` (320), rounded down.
pub const SINGLE_BUFFER_MTU: u32 = 3500;

/// The way to a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Packets can be sent.
    Hop(Hop),
    /// They cannot, and why.
    No(NoHop),
}

/// What a packet needs to reach a backend on its segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Index of the physical interface that the packet leaves by; one of the configuration's.
    pub ifindex: u32,
    /// The MAC it is sent from.
    pub source: Mac,
    /// The backend's MAC, or that of the router that leads to it.
    pub destination: Mac,
    /// VLAN tags, outermost first; none on an untagged segment.
    pub tags: Vec<VlanTag>,
    /// What modes that cross routers use beside that.
    pub path: RoutedPath,
}

/// The path to a backend, as forward modes that cross routers need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutedPath {
    /// The largest IP packet that it takes, in bytes: the metric `mtu` of the route (`RTAX_MTU`), and no more than the MTU of
    /// any link that it leaves by.
    pub mtu: u32,
    /// The address that this host's own packets to the backend come from (`RTA_PREFSRC`, or what the kernel chooses where
    /// the route names none), of the backend's family: the outer source of tunnels.
    pub source: Option<IpAddr>,
    /// All next hops of a multipath route in its order, but those whose link is down or whose router does not answer; the
    /// one in [`Hop`] too, which is the first. Empty if there is only that one.
    pub next_hops: Vec<NextHop>,
}

/// The MTU of a path that is not known.
const USUAL_MTU: u32 = 1500;

impl Default for RoutedPath {
    fn default() -> Self {
        Self { mtu: USUAL_MTU, source: None, next_hops: Vec::new() }
    }
}

/// One next hop of a multipath route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// Index of the physical interface that the packet leaves by; one of the configuration's.
    pub ifindex: u32,
    /// The MAC it is sent from.
    pub source: Mac,
    /// The gateway's MAC.
    pub destination: Mac,
    /// VLAN tags, outermost first.
    pub tags: Vec<VlanTag>,
    /// Its share of the flows relative to the others', at least one (`rtnh_hops` + 1).
    pub weight: u16,
}

/// Why packets cannot be sent to a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoHop {
    /// The routing table has no route to it.
    NoRoute,
    /// The route to it refuses packets.
    Refused(Refusal),
    /// The route to it encapsulates packets itself (`encap`: MPLS, `SRv6` and so on), which the program cannot.
    Encap,
    /// It is behind a router, which `l2` cannot cross.
    Gateway(IpAddr),
    /// The route leaves by an interface that is not in `interfaces`.
    OtherInterface(String),
    /// It is this node's own address.
    Local,
    /// The interface that it is reached through is down or has no carrier.
    InterfaceDown(String),
    /// The kernel has no MAC for this address (yet): it does not answer.
    NoNeighbour(IpAddr),
    /// The kernel has no MAC for this router on the path to it (yet): the router does not answer.
    SilentGateway(IpAddr),
    /// This host has no address of this backend's family that a tunnel to it could come from.
    NoSource(IpAddr),
    /// This bridge does not know (yet) behind which of its ports it is.
    NoPort(String),
    /// The VLAN filter of a bridge does not let its frames through this port, or from the bridge itself.
    OutsideVlan(String),
}

/// The type of a route that refuses packets (`ip-route(8)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `blackhole`: packets are dropped without a word.
    Blackhole,
    /// `unreachable`: answered with ICMP host unreachable.
    Unreachable,
    /// `prohibit`: answered with ICMP administratively prohibited.
    Prohibit,
}

impl Refusal {
    /// The type's name as `ip route` writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blackhole => "blackhole",
            Self::Unreachable => "unreachable",
            Self::Prohibit => "prohibit",
        }
    }
}

impl fmt::Display for NoHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoute => f.write_str("no route to it"),
            Self::Refused(refusal) => write!(f, "the route to it is of type {}", refusal.name()),
            Self::Encap => f.write_str("the route to it encapsulates packets (`encap`), which dsr cannot"),
            Self::Gateway(gateway) => {
                write!(f, "it is behind the router {gateway}; forward mode l2 needs it on the same segment")
            }
            Self::OtherInterface(name) => write!(f, "it is reached through {name}, which is not in `interfaces`"),
            Self::Local => f.write_str("it is an address of this node"),
            Self::InterfaceDown(name) => write!(f, "its interface {name} is down or has no carrier"),
            Self::NoNeighbour(IpAddr::V4(address)) => write!(f, "no ARP reply from {address}"),
            Self::NoNeighbour(IpAddr::V6(address)) => write!(f, "no neighbour advertisement from {address}"),
            Self::SilentGateway(IpAddr::V4(router)) => write!(f, "no ARP reply from its router {router}"),
            Self::SilentGateway(IpAddr::V6(router)) => write!(f, "no neighbour advertisement from its router {router}"),
            Self::NoSource(IpAddr::V4(_)) => {
                f.write_str("no outer source: this host has no IPv4 address on the route to it")
            }
            Self::NoSource(IpAddr::V6(_)) => {
                f.write_str("no outer source: this host has no IPv6 address on the route to it")
            }
            Self::NoPort(bridge) => write!(f, "the bridge {bridge} has not learned its port"),
            Self::OutsideVlan(port) => {
                write!(f, "the bridge's VLAN filter keeps its packets from {port}: see `bridge vlan show dev {port}`")
            }
        }
    }
}

/// An IEEE 802.1Q tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VlanTag {
    /// The protocol identifier, 0x8100 or 0x88a8, in host byte order.
    pub tpid: u16,
    /// The VLAN number, 1 to 4094, in host byte order.
    pub id: u16,
}

impl VlanTag {
    /// The VLAN of frames with these tags, outermost first; nothing for more than the two that the program reads.
    pub fn vlan(tags: &[Self]) -> Option<Vlan> {
        match tags {
            [] => Some(Vlan::UNTAGGED),
            [tag] => Some(Vlan::of(tag.id, 0)),
            [outer, inner] => Some(Vlan::of(outer.id, inner.id)),
            _ => None,
        }
    }

    /// The tags of a VLAN, outermost first, with the TPIDs of IEEE 802.1Q: a C-tag, with an S-tag before it where there are
    /// two.
    pub fn standard(vlan: Vlan) -> Vec<Self> {
        let [outer, inner] = vlan.ids();
        let tags = [Self { tpid: 0x88a8, id: outer }, Self { tpid: 0x8100, id: inner }];
        tags.into_iter().filter(|tag| tag.id != 0).collect()
    }
}
