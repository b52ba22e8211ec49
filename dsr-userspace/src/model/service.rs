//! Services, pools and backends, as the operator wrote them.

use std::{collections::BTreeSet, fmt, net::IpAddr, num::NonZeroU16, sync::Arc};

/// All that an operator wants of the data path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// Seed of the keyed hashes and of the Maglev tables; the same on every balancer of a cluster.
    pub hash_seed: u64,
    /// The services, in the order of the file.
    pub services: Vec<Service>,
}

impl Desired {
    /// The address of each backend of each service.
    pub fn backend_addresses(&self) -> BTreeSet<IpAddr> {
        self.services.iter().flat_map(|service| service.backends.iter().map(|backend| backend.address)).collect()
    }

    /// The VIP of each service that the balancer itself announces; a VIP of several services more than once.
    pub fn announced_vips(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.services.iter().filter(|service| service.announce == Announce::Arp).map(|service| service.id.vip)
    }
}

/// VIP, protocol and port, bound to the backends of one pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The operator's name for it, unique.
    pub name: String,
    /// Where clients connect to, unique.
    pub id: ServiceId,
    /// Who tells the network where the VIP is; the same for all services of a VIP.
    pub announce: Announce,
    /// The pool's name.
    pub pool: String,
    /// The pool's forward mode.
    pub forward: Forward,
    /// The pool's backends, in the order of the file; no two have one name or one address.
    pub backends: Arc<[Backend]>,
}

/// Where clients connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId {
    /// The virtual address.
    pub vip: IpAddr,
    /// The transport protocol.
    pub protocol: Protocol,
    /// The port, also the one that the backend listens on: DSR cannot translate it.
    pub port: NonZeroU16,
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.vip {
            IpAddr::V4(vip) => write!(f, "{vip}:{}/{}", self.port, self.protocol),
            IpAddr::V6(vip) => write!(f, "[{vip}]:{}/{}", self.port, self.protocol),
        }
    }
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP (RFC 9293).
    Tcp,
    /// UDP (RFC 768).
    Udp,
}

impl Protocol {
    /// The protocol's number in an IP header.
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }

    /// The name as YAML and metrics have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who tells the network where a VIP is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announce {
    /// The program answers ARP, and the agent sends gratuitous ARP.
    Arp,
    /// A router does: a static route or BGP.
    None,
}

/// How a packet reaches the backends of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    /// By its Ethernet header alone; the backends are on the same segment.
    L2,
}

/// A real server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// The operator's name for it.
    pub name: String,
    /// Its own address, not a VIP.
    pub address: IpAddr,
    /// Its share of new flows.
    pub weight: Weight,
}

/// A backend's share relative to the others of its pool; zero means that it gets no new flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight(u16);

impl Weight {
    /// The largest weight.
    pub const MAX: u16 = 1000;
    /// The weight of a backend for which none is written.
    pub const DEFAULT: Self = Self(100);

    /// A weight, or nothing where it is above [`Weight::MAX`].
    pub const fn new(weight: u16) -> Option<Self> {
        if weight <= Self::MAX { Some(Self(weight)) } else { None }
    }

    /// The weight as a number from 0 to [`Weight::MAX`].
    pub const fn get(self) -> u16 {
        self.0
    }
}
