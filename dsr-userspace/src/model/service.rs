//! Services, pools and backends, as the operator wrote them.

use std::{collections::BTreeSet, fmt, net::IpAddr, num::NonZeroU16, sync::Arc};

use dsr_common::vlan::Vlan;

use super::{Affinity, FlowTimeout, Forward, PooledBackend};

/// VIP, protocol and port, bound to the backends of one pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The operator's name for it, unique.
    pub name: String,
    /// Where clients connect to, unique.
    pub id: ServiceId,
    /// Who tells the network where the VIP is; the same for all services of a VIP.
    pub announce: Announce,
    /// The VLANs that the VIP is in; where none are written, those that the host is in. The same for all services of a VIP.
    pub vlans: Option<Arc<BTreeSet<Vlan>>>,
    /// What becomes of a packet when no backend is available.
    pub on_empty: OnEmpty,
    /// What happens to its packets without a running agent.
    pub on_agent_death: OnAgentDeath,
    /// What keeps a flow with its backend.
    pub affinity: Affinity,
    /// How long a flow is remembered after its last packet.
    pub flow_timeout: FlowTimeout,
    /// How long the flows of a backend that became unreachable are kept for its return; nothing where they are not.
    pub return_timeout: Option<FlowTimeout>,
    /// The pool's name.
    pub pool: String,
    /// The pool's forward mode, in `dscp` with the code of this VIP.
    pub forward: Forward,
    /// The pool's backends, in the order of the file, then those of its fallback; no two have one name or one address.
    pub backends: Arc<[Backend]>,
    /// Who serves where too few of the pool's backends are up.
    pub fallback: Option<Fallback>,
}

/// The backends that serve where too few of a pool's are up: the last of [`Service::backends`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallback {
    /// The name of their pool; the pool's own where they are written in it.
    pub pool: String,
    /// How many they are.
    pub count: usize,
}

impl Service {
    /// The backends of the pool, and those of its fallback.
    pub fn parts(&self) -> (&[Backend], &[Backend]) {
        let standby = self.fallback.as_ref().map_or(0, |fallback| fallback.count);
        self.backends.split_at(self.backends.len().saturating_sub(standby))
    }

    /// Each backend with the name of the pool that it is of.
    pub fn backends_by_pool(&self) -> impl Iterator<Item = PooledBackend<'_>> {
        let (own, standby) = self.parts();
        let other = self.fallback.as_ref().map_or("", |fallback| fallback.pool.as_str());
        let own = own.iter().map(|backend| PooledBackend { pool: &self.pool, backend });
        own.chain(standby.iter().map(move |backend| PooledBackend { pool: other, backend }))
    }

    /// Whether the VIP's own list of VLANs, if it has one, has this one.
    pub fn is_in(&self, vlan: Vlan) -> bool {
        self.vlans.as_ref().is_none_or(|vlans| vlans.contains(&vlan))
    }

    /// Whether a backend, known by its address, is of the fallback.
    pub fn is_standby(&self, address: IpAddr) -> bool {
        self.parts().1.iter().any(|backend| backend.address == address)
    }
}

/// Where clients connect to.
///
/// A packet belongs to the narrowest service that it fits: its port, else any port of its protocol, else any protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId {
    /// The virtual address.
    pub vip: IpAddr,
    /// The protocol above IP.
    pub protocol: Protocol,
    /// The port, also the one that the backend listens on: DSR cannot translate it. [`Port::Any`] where the protocol
    /// is [`Protocol::Any`].
    pub port: Port,
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.protocol, self.vip) {
            (Protocol::Any, vip) => write!(f, "{vip}/any"),
            (protocol, IpAddr::V4(vip)) => write!(f, "{vip}:{}/{protocol}", self.port),
            (protocol, IpAddr::V6(vip)) => write!(f, "[{vip}]:{}/{protocol}", self.port),
        }
    }
}

/// A protocol above IP, or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP (RFC 9293).
    Tcp,
    /// UDP (RFC 768).
    Udp,
    /// SCTP (RFC 9260).
    Sctp,
    /// Every protocol but ICMP and `ICMPv6`, which belong to the VIP itself.
    Any,
}

impl Protocol {
    /// The protocol's number in an IP header; nothing where it is any.
    pub const fn number(self) -> Option<u8> {
        match self {
            Self::Tcp => Some(6),
            Self::Udp => Some(17),
            Self::Sctp => Some(132),
            Self::Any => None,
        }
    }

    /// The name as YAML and metrics have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
            Self::Any => "any",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One port, or all of them. Prints as YAML and metrics have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Port {
    /// All that no service of the same VIP and protocol has for itself.
    Any,
    /// This one.
    One(NonZeroU16),
}

impl Port {
    /// The port's number; nothing where it is any.
    pub const fn number(self) -> Option<NonZeroU16> {
        match self {
            Self::Any => None,
            Self::One(port) => Some(port),
        }
    }
}

impl From<NonZeroU16> for Port {
    fn from(port: NonZeroU16) -> Self {
        Self::One(port)
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::One(port) => port.fmt(f),
        }
    }
}

/// Who tells the network where a VIP is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announce {
    /// The program answers ARP requests, for an IPv6 VIP neighbour solicitations, and the agent sends such answers
    /// unasked.
    Arp,
    /// A router does: a static route or BGP.
    None,
}

/// What becomes of a packet for a service when no backend is available.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnEmpty {
    /// It is dropped: the client tries again, and waits.
    #[default]
    Drop,
    /// It is answered, so that the client fails at once: a TCP reset, or an ICMP error.
    Reject,
}

/// What happens to the packets of a service after its agent was killed, crashed or hung.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnAgentDeath {
    /// They go where the tables say, as the agent left them.
    #[default]
    Keep,
    /// They are passed to the node's own stack, until an agent is there again.
    Pass,
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

    /// No share.
    pub const ZERO: Self = Self(0);

    /// A weight, or nothing where it is above [`Weight::MAX`].
    pub const fn new(weight: u16) -> Option<Self> {
        if weight <= Self::MAX { Some(Self(weight)) } else { None }
    }

    /// The weight as a number from 0 to [`Weight::MAX`].
    pub const fn get(self) -> u16 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_prints_as_an_operator_would_write_it() {
        let http = Port::One(NonZeroU16::new(80).unwrap());
        let cases = [
            ("192.0.2.10", Protocol::Tcp, http, "192.0.2.10:80/tcp"),
            ("192.0.2.10", Protocol::Sctp, Port::Any, "192.0.2.10:any/sctp"),
            ("192.0.2.10", Protocol::Any, Port::Any, "192.0.2.10/any"),
            ("2001:db8::1", Protocol::Tcp, http, "[2001:db8::1]:80/tcp"),
            ("2001:db8::1", Protocol::Udp, Port::Any, "[2001:db8::1]:any/udp"),
            ("2001:db8::1", Protocol::Any, Port::Any, "2001:db8::1/any"),
        ];
        for (vip, protocol, port, expected) in cases {
            assert_eq!(ServiceId { vip: vip.parse().unwrap(), protocol, port }.to_string(), expected);
        }
    }
}
