//! What is known of the network, and what follows from it for each wanted backend. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    net::IpAddr,
};

use super::{
    facts::{Entry, Fact, Link, NeighbourKey, Route, Standing},
    upkeep::Care,
};
use crate::model::{Hop, InterfaceState, Network, NoHop, Reach, VlanTag};

/// Facts, and the routes to the wanted backends.
#[derive(Debug)]
pub(super) struct State {
    interfaces: BTreeSet<String>,
    wanted: BTreeSet<IpAddr>,
    links: BTreeMap<u32, Link>,
    neighbours: BTreeMap<NeighbourKey, Entry>,
    routes: BTreeMap<IpAddr, Route>,
    questions: Questions,
}

/// What has to be asked before the next snapshot.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Questions {
    /// Addresses whose route may be another one now.
    pub(super) routes: BTreeSet<IpAddr>,
    /// Whether a link changed: the kernel tells of it before it has changed the routes that depend on it.
    pub(super) links_changed: bool,
}

impl State {
    /// Nothing is known yet.
    pub(super) fn new(interfaces: Vec<String>) -> Self {
        Self {
            interfaces: interfaces.into_iter().collect(),
            wanted: BTreeSet::new(),
            links: BTreeMap::new(),
            neighbours: BTreeMap::new(),
            routes: BTreeMap::new(),
            questions: Questions::default(),
        }
    }

    /// Takes the backends whose way is wanted; only those that are new have to be asked for.
    pub(super) fn set_wanted(&mut self, wanted: BTreeSet<IpAddr>) {
        self.questions.routes.extend(wanted.difference(&self.wanted));
        self.questions.routes.retain(|address| wanted.contains(address));
        self.routes.retain(|address, _| wanted.contains(address));
        self.wanted = wanted;
    }

    /// Forgets all facts, because some were lost; what is dumped next is the truth.
    pub(super) fn forget(&mut self) {
        self.links.clear();
        self.neighbours.clear();
        self.ask_all_routes();
    }

    /// Takes one fact.
    pub(super) fn learn(&mut self, fact: Fact) {
        match fact {
            Fact::Link(index, link) => {
                if self.links.get(&index) != Some(&link) {
                    self.links.insert(index, link);
                    self.links_changed();
                }
            }
            Fact::LinkGone(index) => {
                self.links.remove(&index);
                self.neighbours.retain(|(ifindex, _), _| *ifindex != index);
                self.links_changed();
            }
            Fact::Neighbour(key, entry) => {
                self.neighbours.insert(key, entry);
            }
            Fact::NeighbourGone(key) => {
                self.neighbours.remove(&key);
            }
            Fact::RouteChanged(prefix) => {
                self.questions.routes.extend(self.wanted.iter().filter(|&&address| prefix.contains(address)));
            }
            Fact::RoutesChanged => self.ask_all_routes(),
        }
    }

    /// What has to be asked; it counts as asked from here on.
    pub(super) fn take_questions(&mut self) -> Questions {
        mem::take(&mut self.questions)
    }

    /// Takes the answer to a question for a route.
    pub(super) fn set_route(&mut self, address: IpAddr, route: Route) {
        if self.wanted.contains(&address) {
            self.routes.insert(address, route);
        }
    }

    /// What follows for the data path.
    pub(super) fn network(&self) -> Network {
        let interfaces = self
            .links
            .iter()
            .filter(|(_, link)| self.interfaces.contains(&link.name))
            .filter_map(|(&ifindex, link)| {
                let state = InterfaceState { ifindex, mac: link.mac?, mtu: link.mtu, up: link.is_up() };
                Some((link.name.clone(), state))
            })
            .collect();
        let reach = self.routes.iter().map(|(&address, &route)| (address, self.reach(address, route))).collect();
        Network { interfaces, reach }
    }

    /// The neighbour entries that the wanted backends need, and what is to be done for each.
    pub(super) fn cares(&self) -> BTreeMap<NeighbourKey, Care> {
        self.routes
            .iter()
            .filter_map(|(&address, &route)| {
                let Route::Out { oif, gateway: None } = route else { return None };
                let care = match self.reach(address, route) {
                    Reach::No(NoHop::NoNeighbour) => Care::Solicit,
                    Reach::Hop(_) if self.is_idle((oif, address)) => Care::Confirm,
                    _ => return None,
                };
                Some(((oif, address), care))
            })
            .collect()
    }

    fn is_idle(&self, key: NeighbourKey) -> bool {
        matches!(self.neighbours.get(&key), Some(Entry::Resolved(_, Standing::Idle)))
    }

    fn reach(&self, address: IpAddr, route: Route) -> Reach {
        let (oif, gateway) = match route {
            Route::None => return Reach::No(NoHop::NoRoute),
            Route::Local => return Reach::No(NoHop::Local),
            Route::Out { oif, gateway } => (oif, gateway),
        };
        let Some(link) = self.links.get(&oif) else { return Reach::No(NoHop::NoRoute) };
        let Some((ifindex, tags)) = self.physical(oif) else {
            return Reach::No(NoHop::OtherInterface(link.name.clone()));
        };
        if let Some(gateway) = gateway {
            return Reach::No(NoHop::Gateway(gateway));
        }
        let Some(source) = link.mac else { return Reach::No(NoHop::OtherInterface(link.name.clone())) };
        if !link.is_up() || !self.links.get(&ifindex).is_some_and(Link::is_up) {
            return Reach::No(NoHop::InterfaceDown(link.name.clone()));
        }
        match self.neighbours.get(&(oif, address)) {
            Some(&Entry::Resolved(destination, _)) => Reach::Hop(Hop { ifindex, source, destination, tags }),
            Some(Entry::Unresolved) | None => Reach::No(NoHop::NoNeighbour),
        }
    }

    /// From a link down to the first of the configuration's interfaces, with the tags between, outermost first.
    fn physical(&self, from: u32) -> Option<(u32, Vec<VlanTag>)> {
        let mut tags = Vec::new();
        let mut index = from;
        for _ in 0..MAX_NESTING {
            let link = self.links.get(&index)?;
            if link.mac.is_some() && self.interfaces.contains(&link.name) {
                tags.reverse();
                return Some((index, tags));
            }
            let vlan = link.vlan?;
            tags.push(vlan.tag);
            index = vlan.parent;
        }
        None
    }

    fn links_changed(&mut self) {
        self.questions.links_changed = true;
        self.ask_all_routes();
    }

    fn ask_all_routes(&mut self) {
        self.questions.routes.extend(&self.wanted);
    }
}

/// How deep devices can be stacked: the kernel's `MAX_NEST_DEV`.
const MAX_NESTING: usize = 8;

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
