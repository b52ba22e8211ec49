//! One look at where backends are expected, and at the segments that this host has interfaces on; nothing is watched.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::{
    Error,
    facts::{Fact, Kind, Route},
    kernel::{self, Source},
    link_stack::{EgressPort, LinkStack},
};

/// What the kernel says of segments, whoever is on them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// The way to each address that a route leads to without a router.
    pub egress: BTreeMap<IpAddr, Egress>,
    /// The VLAN sub-interfaces whose frames leave by one of the configuration's interfaces, by name.
    pub vlans: BTreeMap<String, Vec<EgressPort>>,
}

/// Where the neighbours of an interface are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Egress {
    /// The interface that the route names.
    pub interface: String,
    /// The segments that its frames come out on; several where a bridge or a bond stands between.
    pub egress_ports: Vec<EgressPort>,
}

/// Looks at the calling thread's network namespace. Needs a tokio runtime with I/O enabled.
pub async fn survey(interfaces: Vec<String>, addresses: &BTreeSet<IpAddr>) -> Result<Survey, Error> {
    let (kernel, _events) = kernel::open()?;
    let mut link_stack = LinkStack::new(interfaces);
    kernel.list().await?.into_iter().for_each(|fact| learn(&mut link_stack, fact));
    let mut survey = Survey { egress: BTreeMap::new(), vlans: vlans(&link_stack) };
    for address in addresses {
        let Route::Out(out) = kernel.route(*address, Source::NotWanted).await? else { continue };
        let mut on_link = out.next_hops.iter().filter(|next_hop| next_hop.gateway.is_none());
        if let Some(egress) = on_link.find_map(|next_hop| egress(&link_stack, next_hop.oif)) {
            survey.egress.insert(*address, egress);
        }
    }
    Ok(survey)
}

/// The MTU of the path to each address that a route leads to: the route's metric `mtu`, and no more than that of its links.
pub async fn path_mtus(addresses: &BTreeSet<IpAddr>) -> Result<BTreeMap<IpAddr, u32>, Error> {
    let (kernel, _events) = kernel::open()?;
    let mut link_stack = LinkStack::new(Vec::new());
    kernel.list().await?.into_iter().for_each(|fact| learn(&mut link_stack, fact));
    let mut mtus = BTreeMap::new();
    for address in addresses {
        let Route::Out(out) = kernel.route(*address, Source::NotWanted).await? else { continue };
        let links = out.next_hops.iter().filter_map(|next_hop| link_stack.links.get(&next_hop.oif));
        mtus.extend(links.map(|link| link.mtu).chain(out.mtu).min().map(|mtu| (*address, mtu)));
    }
    Ok(mtus)
}

/// Where frames leave matters here, not who is there.
fn learn(link_stack: &mut LinkStack, fact: Fact) {
    match fact {
        Fact::Link(index, link) => _ = link_stack.links.insert(index, link),
        Fact::PortVlans(port, vlans) => _ = link_stack.vlans.insert(port, vlans),
        _ => {}
    }
}

fn egress(link_stack: &LinkStack, oif: u32) -> Option<Egress> {
    let (interface, egress_ports) = (link_stack.links.get(&oif)?.name.clone(), link_stack.egress_ports(oif));
    (!egress_ports.is_empty()).then_some(Egress { interface, egress_ports })
}

fn vlans(link_stack: &LinkStack) -> BTreeMap<String, Vec<EgressPort>> {
    let vlans = link_stack.links.iter().filter(|(_, link)| matches!(link.kind, Kind::Vlan(_)));
    vlans
        .filter_map(|(index, _)| egress(link_stack, *index))
        .map(|egress| (egress.interface, egress.egress_ports))
        .collect()
}
