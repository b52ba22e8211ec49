//! From facts and routes to what packets need to reach each wanted backend.

use std::{collections::BTreeMap, net::IpAddr};

use super::{
    super::{
        facts::{Confirmation, Entry, Link, NeighbourKey, Out, Route, RouteHop},
        link_stack::{self, EgressPort},
        probe_schedule::NeighbourProbe,
    },
    State,
};
use crate::model::{Hop, Mac, Network, NextHop, NoHop, Reach, RoutedPath};

impl State {
    /// What follows for the data path.
    pub(in crate::neighbour) fn network(&self) -> Network {
        let (mut reach, mut gateways) = (BTreeMap::new(), BTreeMap::new());
        for (&address, route) in &self.routes {
            if self.wanted.routed.contains(&address) {
                let way = self.path(address, route);
                gateways.extend(way.gateway.map(|gateway| (address, gateway)));
                reach.insert(address, way.reach);
            } else {
                reach.insert(address, self.reach(address, route));
            }
        }
        let (interfaces, ports, vlan_tags) =
            (self.link_stack.interfaces(), self.link_stack.ports(), self.link_stack.vlan_tags());
        Network { interfaces, ports, vlans: link_stack::vlans(&vlan_tags), vlan_tags, reach, gateways }
    }

    /// The neighbour entries that the wanted backends need, and what is to be done for each.
    pub(in crate::neighbour) fn probes(&self) -> BTreeMap<NeighbourKey, NeighbourProbe> {
        let mut probes = BTreeMap::new();
        for (&address, route) in &self.routes {
            let Route::Out(out) = route else { continue };
            let routed = self.wanted.routed.contains(&address);
            for next_hop in out.next_hops.iter().filter(|next_hop| routed || next_hop.gateway.is_none()) {
                let key = (next_hop.oif, next_hop.gateway.unwrap_or(address));
                if let Some(probe) = self.probe(key) {
                    probes.insert(key, probe);
                }
            }
        }
        probes
    }

    fn probe(&self, key: NeighbourKey) -> Option<NeighbourProbe> {
        match self.hop(key) {
            Err(NoHop::NoNeighbour(_)) => Some(NeighbourProbe::Solicit),
            Ok(_) | Err(NoHop::NoPort(_)) if self.last_known.mac(key).is_some() => Some(NeighbourProbe::Solicit),
            // A bridge has lost its port, and its answer tells the bridge where it is.
            Ok(hop) if self.is_idle(key) && self.link_stack.forwarding.has_to_ask(hop.destination) => {
                Some(NeighbourProbe::Locate)
            }
            // So does this one, where no port was known.
            Ok(_) | Err(NoHop::NoPort(_)) if self.is_idle(key) => Some(NeighbourProbe::Confirm),
            _ => None,
        }
    }

    fn is_idle(&self, key: NeighbourKey) -> bool {
        matches!(self.neighbours.get(&key), Some(Entry::Resolved(_, Confirmation::Idle)))
    }

    /// The way without a router: by the first next hop that leads there, or else why the first does not.
    fn reach(&self, address: IpAddr, route: &Route) -> Reach {
        let out = match route {
            Route::No(no) => return Reach::No(no.clone()),
            Route::Out(out) => out,
        };
        let mut why = None;
        for &RouteHop { oif, gateway, .. } in &out.next_hops {
            let hop = match (gateway, self.source_mac(oif)) {
                (_, Err(no)) => Err(no),
                (Some(gateway), Ok(_)) => Err(NoHop::Gateway(gateway)),
                (None, Ok(_)) => self.hop((oif, address)),
            };
            match hop {
                Ok(hop) => return Reach::Hop(hop),
                Err(no) => why = why.or(Some(no)),
            }
        }
        Reach::No(why.unwrap_or(NoHop::NoRoute))
    }

    /// All next hops that packets can be sent by, or else why the first does not.
    fn path(&self, address: IpAddr, route: &Route) -> Way {
        let out = match route {
            Route::No(no) => return Way::no(no.clone()),
            Route::Out(out) => out,
        };
        let (mut hops, mut why) = (Vec::with_capacity(out.next_hops.len()), None);
        for next_hop in &out.next_hops {
            match self.routed_hop(address, out, next_hop) {
                Ok(hop) => hops.push((hop, next_hop)),
                Err(no) => why = why.or(Some(no)),
            }
        }
        let Some((mut first, RouteHop { gateway, .. })) = hops.first().cloned() else {
            return Way::no(why.unwrap_or(NoHop::NoRoute));
        };
        let mtu = hops.iter().map(|(hop, _)| hop.path.mtu).min().unwrap_or(0);
        let next_hops = if hops.len() > 1 { hops.into_iter().map(next_hop).collect() } else { Vec::new() };
        first.path = RoutedPath { mtu, source: out.source, next_hops };
        Way { reach: Reach::Hop(first), gateway: *gateway }
    }

    /// A next hop and its MTU.
    fn routed_hop(&self, address: IpAddr, out: &Out, next_hop: &RouteHop) -> Result<Hop, NoHop> {
        let &RouteHop { oif, gateway, .. } = next_hop;
        let mut hop = self.hop((oif, gateway.unwrap_or(address))).map_err(|no| match (no, gateway) {
            (NoHop::NoNeighbour(_), Some(gateway)) => NoHop::SilentGateway(gateway),
            (no, _) => no,
        })?;
        let links = [oif, hop.ifindex].map(|index| self.link_stack.links.get(&index).map(|link| link.mtu));
        hop.path.mtu = links.into_iter().flatten().chain(out.mtu).min().unwrap_or(0);
        Ok(hop)
    }

    /// The Ethernet header of frames to a neighbour.
    fn hop(&self, key: NeighbourKey) -> Result<Hop, NoHop> {
        let (oif, address) = key;
        let source = self.source_mac(oif)?;
        let is_up = |index| self.link_stack.links.get(&index).is_some_and(Link::is_up);
        if !is_up(oif) {
            return Err(NoHop::InterfaceDown(self.link_stack.name(oif)));
        }
        let destination = self.mac(key);
        let egress_port = self.link_stack.egress_port(oif, destination, NoHop::NoNeighbour(address))?;
        if !is_up(egress_port.ifindex) {
            return Err(NoHop::InterfaceDown(self.link_stack.name(oif)));
        }
        let destination = destination.ok_or(NoHop::NoNeighbour(address))?;
        let EgressPort { ifindex, tags } = egress_port;
        Ok(Hop { ifindex, source, destination, tags, path: RoutedPath::default() })
    }

    /// The MAC that frames of a link are sent from.
    fn source_mac(&self, oif: u32) -> Result<Mac, NoHop> {
        let link = self.link_stack.links.get(&oif).ok_or(NoHop::NoRoute)?;
        let mac = link.mac.filter(|_| self.link_stack.lead_outside(oif));
        mac.ok_or_else(|| NoHop::OtherInterface(link.name.clone()))
    }

    /// The neighbour's MAC: the kernel's, or else the last one that counts still.
    pub(super) fn mac(&self, key: NeighbourKey) -> Option<Mac> {
        self.neighbours.get(&key).copied().and_then(mac).or_else(|| self.last_known.mac(key))
    }
}

/// The way to a backend that may be behind routers.
struct Way {
    reach: Reach,
    /// The router of the first next hop.
    gateway: Option<IpAddr>,
}

impl Way {
    const fn no(no: NoHop) -> Self {
        Self { reach: Reach::No(no), gateway: None }
    }
}

fn next_hop((hop, route): (Hop, &RouteHop)) -> NextHop {
    let Hop { ifindex, source, destination, tags, .. } = hop;
    NextHop { ifindex, source, destination, tags, weight: route.weight.try_into().unwrap_or(u16::MAX) }
}

/// The MAC of an entry, if it has one.
pub(super) const fn mac(entry: Entry) -> Option<Mac> {
    match entry {
        Entry::Resolved(mac, _) => Some(mac),
        Entry::Unresolved | Entry::Failed => None,
    }
}
