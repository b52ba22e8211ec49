//! One look at where backends are expected, and at the segments that this host has interfaces on; nothing is watched.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::{
    Error,
    facts::{Fact, Kind, Route},
    kernel,
    wires::{Exit, Wires},
};

/// What the kernel says of segments, whoever is on them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// The way to each address that a route leads to without a router.
    pub ways: BTreeMap<IpAddr, Way>,
    /// The VLAN sub-interfaces whose frames leave by one of the configuration's interfaces, by name.
    pub vlans: BTreeMap<String, Vec<Exit>>,
}

/// Where the neighbours of an interface are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The interface that the route names.
    pub interface: String,
    /// The segments that its frames come out on; several where a bridge or a bond stands between.
    pub exits: Vec<Exit>,
}

/// Looks at the calling thread's network namespace. Needs a tokio runtime with I/O enabled.
pub async fn survey(interfaces: Vec<String>, addresses: &BTreeSet<IpAddr>) -> Result<Survey, Error> {
    let (kernel, _events) = kernel::open()?;
    let mut wires = Wires::new(interfaces);
    kernel.list().await?.into_iter().for_each(|fact| learn(&mut wires, fact));
    let mut survey = Survey { ways: BTreeMap::new(), vlans: vlans(&wires) };
    for address in addresses {
        if let Route::Out { oif, gateway: None } = kernel.route(*address).await?
            && let Some(way) = way(&wires, oif)
        {
            survey.ways.insert(*address, way);
        }
    }
    Ok(survey)
}

/// Where frames leave matters here, not who is there.
fn learn(wires: &mut Wires, fact: Fact) {
    match fact {
        Fact::Link(index, link) => _ = wires.links.insert(index, link),
        Fact::PortVlans(port, vlans) => _ = wires.vlans.insert(port, vlans),
        _ => {}
    }
}

fn way(wires: &Wires, oif: u32) -> Option<Way> {
    let (interface, exits) = (wires.links.get(&oif)?.name.clone(), wires.exits(oif));
    (!exits.is_empty()).then_some(Way { interface, exits })
}

fn vlans(wires: &Wires) -> BTreeMap<String, Vec<Exit>> {
    let vlans = wires.links.iter().filter(|(_, link)| matches!(link.kind, Kind::Vlan(_)));
    vlans.filter_map(|(index, _)| way(wires, *index)).map(|way| (way.interface, way.exits)).collect()
}
