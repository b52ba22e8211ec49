//! What has to be known to ask for VIPs and to say whose a claim is. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
    time::Duration,
};

use super::question::Segment;
use crate::{
    config::Config,
    model::{Mac, Network, Reach},
};

/// The configuration and the network, as the watch needs them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Every VIP.
    pub vips: BTreeSet<IpAddr>,
    /// Where to ask for them.
    pub segments: Vec<Segment>,
    /// How often; nothing where nobody shall be asked.
    pub interval: Option<Duration>,
    /// Whose MACs are known.
    pub hosts: BTreeMap<Mac, Owner>,
    /// The names of the interfaces, by the kernel's index.
    pub interfaces: BTreeMap<u32, String>,
    /// The MACs of the interfaces.
    pub own: BTreeSet<Mac>,
}

/// Who claims a VIP.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// The backend of this name; several names where one host is several backends.
    Backend(String),
    /// Another balancer.
    Balancer,
    /// A host that is neither.
    Unknown,
}

/// As the metric's label has it.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Backend(name) => name,
            Self::Balancer => "balancer",
            Self::Unknown => "unknown",
        })
    }
}

impl View {
    /// Puts it together.
    pub fn new(config: &Config, network: &Network) -> Self {
        let interfaces = config.interfaces();
        let there = || interfaces.iter().filter_map(|name| Some((name, network.interfaces.get(name)?)));
        Self {
            vips: config.vips().collect(),
            segments: segments(config, network),
            interval: config.arp_watch,
            hosts: hosts(config, network),
            interfaces: there().map(|(name, state)| (state.ifindex, name.clone())).collect(),
            own: there().map(|(_, state)| state.mac).collect(),
        }
    }

    /// Who has this MAC.
    pub fn owner(&self, mac: Mac) -> Owner {
        self.hosts.get(&mac).cloned().unwrap_or(Owner::Unknown)
    }
}

/// The interfaces themselves, and the VLANs that backends are in.
fn segments(config: &Config, network: &Network) -> Vec<Segment> {
    let mut segments = Vec::new();
    for name in config.interfaces() {
        let Some(state) = network.interfaces.get(&name).filter(|state| state.up) else { continue };
        let hops = network.reach.values().filter_map(|reach| match reach {
            Reach::Hop(hop) if hop.ifindex == state.ifindex => Some(hop.tags.clone()),
            _ => None,
        });
        for tags in std::iter::once(Vec::new()).chain(hops) {
            let segment = Segment { ifindex: state.ifindex, interface: name.clone(), mac: state.mac, tags };
            if !segments.contains(&segment) {
                segments.push(segment);
            }
        }
    }
    segments
}

fn hosts(config: &Config, network: &Network) -> BTreeMap<Mac, Owner> {
    let mac = |address: &IpAddr| match network.reach.get(address) {
        Some(Reach::Hop(hop)) => Some(hop.destination),
        _ => None,
    };
    let mut names: BTreeMap<Mac, Vec<&str>> = BTreeMap::new();
    for backend in config.desired.services.iter().flat_map(|service| service.backends.iter()) {
        let Some(mac) = mac(&backend.address) else { continue };
        let names = names.entry(mac).or_default();
        if !names.contains(&backend.name.as_str()) {
            names.push(&backend.name);
        }
    }
    let balancers = config.balancers.iter().filter_map(|address| Some((mac(address)?, Owner::Balancer)));
    let backends = names.into_iter().map(|(mac, names)| (mac, Owner::Backend(names.join(","))));
    balancers.chain(backends).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::model::{Hop, InterfaceState, NoHop, VlanTag};

    const FILE: &str = "\
interfaces: [eth0, eth1]
balancers: [10.0.0.2]
pools:
  web: {backends: [{name: web1, address: 10.0.0.11}, {name: web2, address: 10.0.0.12}, {name: web3, address: 10.0.0.13}]}
  old: {backends: [{name: web1, address: 10.0.0.11}, {name: old1, address: 10.0.0.12}]}
services:
  - {name: www, vip: 192.0.2.10, port: 80, pool: web}
  - {name: old, vip: 192.0.2.10, port: 81, pool: old}
";

    #[test]
    fn every_segment_is_asked_and_every_mac_has_its_owner() {
        let config = crate::config::parse(FILE, Path::new("dsr.yaml")).unwrap();
        let own = Mac([2, 0, 0, 0, 0, 1]);
        let interface = |ifindex, up| InterfaceState { ifindex, mac: own, mtu: 1500, up };
        let hop =
            |last, tags| Reach::Hop(Hop { ifindex: 2, source: own, destination: Mac([2, 0, 0, 0, 1, last]), tags });
        let address = |last| IpAddr::from([10, 0, 0, last]);
        let tag = VlanTag { tpid: 0x8100, id: 7 };
        let network = Network {
            ports: BTreeMap::new(),
            vlans: BTreeMap::new(),
            interfaces: [("eth0".to_owned(), interface(2, true)), ("eth1".to_owned(), interface(3, false))].into(),
            reach: BTreeMap::from([
                (address(2), hop(2, Vec::new())),
                (address(11), hop(11, vec![tag])),
                (address(12), hop(12, vec![tag])),
                (address(13), Reach::No(NoHop::NoNeighbour(address(13)))),
            ]),
        };
        let view = View::new(&config, &network);
        let segments: Vec<_> = view.segments.iter().map(|segment| (segment.ifindex, segment.tags.clone())).collect();
        assert_eq!(segments, [(2, Vec::new()), (2, vec![tag])], "eth1 is down");
        let owner = |last| view.owner(Mac([2, 0, 0, 0, 1, last])).to_string();
        assert_eq!([2, 11, 12, 13].map(owner), ["balancer", "web1", "web2,old1", "unknown"]);
        assert_eq!(view.vips.len(), 1);
        assert_eq!(view.interval, Some(Duration::from_secs(60)), "the default");
    }
}
