//! What has to be known to ask for VIPs and to say whose a claim is. Pure.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt,
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use super::{
    question::Segment,
    segments::{Segments, VlanList},
};
use crate::{
    config::Config,
    model::{Mac, Network, VlanTag},
};

/// The configuration and the network, as the watch needs them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Every VIP, with its list of VLANs.
    pub vips: BTreeMap<IpAddr, VlanList>,
    /// Where VIPs are.
    pub segments: Segments,
    /// The interval; `None` if no questions are sent.
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
            vips: config.desired.services.iter().map(|service| (service.id.vip, service.vlans.clone())).collect(),
            segments: Segments::new(config, network),
            interval: config.arp_watch,
            hosts: hosts(config, network),
            interfaces: there().map(|(name, state)| (state.ifindex, name.clone())).collect(),
            own: there().map(|(_, state)| state.mac).collect(),
        }
    }

    /// Each VIP with each segment that it is in: where to ask for it.
    pub fn questions(&self) -> impl Iterator<Item = (&Arc<Segment>, IpAddr)> {
        self.vips.iter().flat_map(|(vip, list)| self.segments.of(list).map(|segment| (segment, *vip)))
    }

    /// Whether a frame with these tags, on this interface or port, is in a VLAN that the VIP is in. In any other, a host
    /// may use the address.
    pub fn is_in(&self, vip: IpAddr, ifindex: u32, tags: &[VlanTag]) -> bool {
        self.vips.get(&vip).is_some_and(|list| self.segments.contain(list, ifindex, tags))
    }

    /// Who has this MAC.
    pub fn owner(&self, mac: Mac) -> Owner {
        self.hosts.get(&mac).cloned().unwrap_or(Owner::Unknown)
    }
}

fn hosts(config: &Config, network: &Network) -> BTreeMap<Mac, Owner> {
    let mut names: BTreeMap<Mac, Vec<&str>> = BTreeMap::new();
    let mut seen = HashSet::new();
    for backend in config.desired.of_each_list().flat_map(|service| service.backends.iter()) {
        let Some(mac) = network.mac(backend.address) else { continue };
        if seen.insert((mac, backend.name.as_str())) {
            names.entry(mac).or_default().push(&backend.name);
        }
    }
    let balancers = config.balancers.iter().filter_map(|address| Some((network.mac(*address)?, Owner::Balancer)));
    let backends = names.into_iter().map(|(mac, names)| (mac, Owner::Backend(names.join(","))));
    balancers.chain(backends).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use dsr_common::vlan::Vlan;

    use super::*;
    use crate::model::{BondPort, Hop, InterfaceState, NoHop, Reach, RoutedPath, VlanTag};

    const FILE: &str = "\
interfaces: [eth0, eth1]
balancers: [10.0.0.2]
pools:
  web: {backends: [{name: web1, address: 10.0.0.11}, {name: web2, address: 10.0.0.12}, {name: web3, address: 10.0.0.13}]}
  old: {backends: [{name: web1, address: 10.0.0.11}, {name: old1, address: 10.0.0.12}]}
services:
  - {name: www, vip: 192.0.2.10, port: 80, pool: web}
  - {name: old, vip: 192.0.2.10, port: 81, pool: old}
  - {name: tenant, vip: 192.0.2.20, port: 80, pool: web, vlans: [7, 20, \"7.20\"]}
";

    #[test]
    fn a_vip_is_asked_for_where_it_is_and_every_mac_has_its_owner() {
        let config = crate::config::parse(FILE, Path::new("dsr.yaml")).unwrap();
        let own = Mac([2, 0, 0, 0, 0, 1]);
        let interface = |ifindex, up| InterfaceState { ifindex, mac: own, mtu: 1500, up };
        let hop = |last, tags| {
            Reach::Hop(Hop {
                ifindex: 2,
                source: own,
                destination: Mac([2, 0, 0, 0, 1, last]),
                tags,
                path: RoutedPath::default(),
            })
        };
        let address = |last| IpAddr::from([10, 0, 0, last]);
        let tag = VlanTag { tpid: 0x88a8, id: 7 };
        let network = Network {
            ports: [(9, BondPort { name: "port".to_owned(), bond: "eth0".to_owned() })].into(),
            vlans: [(2, [Vlan::of(7, 0), Vlan::of(8, 0)].into())].into(),
            vlan_tags: [(2, [vec![tag], vec![VlanTag { tpid: 0x8100, id: 8 }]].into())].into(),
            interfaces: [("eth0".to_owned(), interface(2, true)), ("eth1".to_owned(), interface(3, false))].into(),
            reach: BTreeMap::from([
                (address(2), hop(2, Vec::new())),
                (address(11), hop(11, vec![tag])),
                (address(12), hop(12, vec![tag])),
                (address(13), Reach::No(NoHop::NoNeighbour(address(13)))),
            ]),
            ..Network::default()
        };
        let view = View::new(&config, &network);
        let of = |last: u8| {
            let of_vip = view.questions().filter(move |(_, vip)| *vip == IpAddr::from([192, 0, 2, last]));
            let segments = of_vip.map(|(segment, _)| (segment.ifindex, segment.tags.clone()));
            segments.collect::<BTreeSet<_>>()
        };
        let c_tag = |id| VlanTag { tpid: 0x8100, id };
        let default = [(2, Vec::new()), (2, vec![tag]), (2, vec![c_tag(8)])];
        assert_eq!(of(10), default.into(), "where this host is, without a backend too; eth1 is down");
        let listed = [(2, vec![tag]), (2, vec![c_tag(20)]), (2, vec![tag, c_tag(20)])];
        assert_eq!(of(20), listed.into(), "the TPID of VLAN 7 is this host's");
        let is_in = |last, ifindex, tags: &[VlanTag]| view.is_in(IpAddr::from([192, 0, 2, last]), ifindex, tags);
        assert!(is_in(10, 2, &[]) && is_in(10, 2, &[c_tag(7)]), "the TPID makes no difference");
        assert!(is_in(10, 9, &[tag]) && !is_in(10, 3, &[tag]), "a port is in the VLANs of its bond");
        assert!(is_in(20, 3, &[c_tag(20)]) && !is_in(20, 2, &[]), "a list holds on every interface");
        assert!(!is_in(20, 2, &[tag, c_tag(20), tag]) && !is_in(30, 2, &[]), "three tags, and no VIP");
        let owner = |last| view.owner(Mac([2, 0, 0, 0, 1, last])).to_string();
        assert_eq!([2, 11, 12, 13].map(owner), ["balancer", "web1", "web2,old1", "unknown"]);
        assert_eq!(view.vips.len(), 2);
        assert_eq!(view.interval, Some(Duration::from_secs(60)), "the default");
    }
}
