//! What is known of the network, and what follows from it for each wanted backend. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    net::IpAddr,
};

use super::{
    facts::{Confirmation, Entry, Fact, NeighbourKey, Route},
    kernel::Source,
    last_known::LastKnown,
    link_stack::LinkStack,
};
use crate::model::{Destinations, Mac};

mod resolve;

use resolve::mac;

/// Facts, and the routes to the wanted backends.
#[derive(Debug, Default)]
pub(super) struct State {
    wanted: Destinations,
    link_stack: LinkStack,
    neighbours: BTreeMap<NeighbourKey, Entry>,
    last_known: LastKnown,
    routes: BTreeMap<IpAddr, Route>,
    /// The routers on the routes to the wanted backends, and those that were since backends were last named: a route that
    /// comes back, as with a link, finds the last MAC of its router.
    gateways: BTreeSet<NeighbourKey>,
    questions: Questions,
    news: News,
}

/// What facts have touched since it was last asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    /// Whether the way to a backend may be another one.
    pub(super) network: bool,
    /// Whether a backend's entry may need other care; it does where the way may be another one.
    pub(super) probes: bool,
}

impl News {
    const ALL: Self = Self { network: true, probes: true };
}

/// What has to be asked before the next snapshot.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Questions {
    /// Addresses whose route may be another one now.
    pub(super) routes: BTreeSet<IpAddr>,
    /// Whether a link or a next-hop object changed: the kernel tells of it before it has changed the routes that depend on it.
    pub(super) must_settle: bool,
}

impl State {
    /// What is new; it counts as known from here on.
    pub(super) fn take_news(&mut self) -> News {
        let news = mem::take(&mut self.news);
        if news.network && self.link_stack.forwarding.has_lost() {
            self.forget_ports_of_others();
        }
        news
    }

    /// Takes the names of the configuration's interfaces. They change what follows from the facts, and not the facts.
    pub(super) fn set_interfaces(&mut self, interfaces: &BTreeSet<String>) {
        if self.link_stack.set_interfaces(interfaces) {
            self.news = News::ALL;
        }
    }

    /// Takes the backends whose way is wanted; only those that are new, or are wanted in another way, have to be asked for.
    pub(super) fn set_wanted(&mut self, wanted: Destinations) {
        let is_new = |address: &IpAddr| {
            !self.wanted.contains(*address) || wanted.routed.contains(address) && !self.wanted.routed.contains(address)
        };
        self.questions.routes.extend(wanted.addresses().filter(is_new));
        self.questions.routes.retain(|address| wanted.contains(*address));
        self.routes.retain(|address, _| wanted.contains(*address));
        self.gateways = self.routes.values().flat_map(gateways).collect();
        self.last_known.retain(|key| wanted.contains(key.1) || self.gateways.contains(&key));
        self.wanted = wanted;
        self.news = News::ALL;
    }

    /// Forgets all facts, because some were lost; what is dumped next is the truth. A MAC that it lacks is lost like
    /// any other.
    pub(super) fn forget(&mut self) {
        self.news = News::ALL;
        self.link_stack.forget();
        for (key, entry) in mem::take(&mut self.neighbours) {
            if let Some(mac) = mac(entry)
                && self.is_needed(key)
            {
                self.last_known.lost(key, mac);
            }
        }
        self.ask_all_routes();
    }

    /// Takes one fact.
    pub(super) fn learn(&mut self, fact: Fact) {
        match fact {
            Fact::Link(index, link) => {
                if self.link_stack.links.get(&index) != Some(&link) {
                    self.link_stack.links.insert(index, link);
                    self.links_changed();
                }
            }
            Fact::LinkGone(index) => {
                self.link_stack.remove(index);
                self.neighbours.retain(|(ifindex, _), _| *ifindex != index);
                self.last_known.retain(|(ifindex, _)| ifindex != index);
                self.links_changed();
            }
            Fact::Neighbour(key, entry) => {
                let before = self.neighbours.insert(key, entry);
                self.neighbour_changed(key, before, Some(entry));
            }
            Fact::NeighbourGone(key) => {
                let before = self.neighbours.remove(&key);
                self.neighbour_changed(key, before, None);
            }
            Fact::Forwarding(key, port) => {
                if self.link_stack.forwarding.found(key, port) {
                    self.news = News::ALL;
                }
            }
            Fact::ForwardingGone(key) => {
                if self.link_stack.forwarding.lost(key) {
                    self.news = News::ALL;
                }
            }
            Fact::PortVlans(port, vlans) => {
                self.link_stack.vlans.insert(port, vlans);
                self.news = News::ALL;
            }
            Fact::RouteChanged(prefix) => {
                self.questions.routes.extend(self.wanted.addresses().filter(|&address| prefix.contains(address)));
            }
            Fact::NextHopChanged(id) => {
                let has_it = |route: &Route| matches!(route, Route::Out(out) if out.objects.contains(&id));
                let touched = self.routes.iter().filter(|(_, route)| has_it(route));
                self.questions.routes.extend(touched.map(|(address, _)| address));
                self.questions.must_settle |= !self.questions.routes.is_empty();
            }
            Fact::RoutesChanged => self.ask_all_routes(),
        }
    }

    /// The kernel was made to ask everybody on the link for this neighbour's MAC.
    pub(super) fn solicited(&mut self, key: NeighbourKey) {
        self.last_known.solicited(key);
    }

    /// The kernel was made to ask this neighbour itself.
    pub(super) fn asked(&mut self, key: NeighbourKey) {
        if let Some(mac) = self.mac(key) {
            self.link_stack.forwarding.asked(mac);
        }
    }

    /// What has to be asked; it counts as asked from here on.
    pub(super) fn take_questions(&mut self) -> Questions {
        mem::take(&mut self.questions)
    }

    /// What a question for the route to an address has to bring.
    pub(super) fn source(&self, address: IpAddr) -> Source {
        if self.wanted.routed.contains(&address) { Source::Wanted } else { Source::NotWanted }
    }

    /// Takes the answer to a question for a route.
    pub(super) fn set_route(&mut self, address: IpAddr, route: Route) {
        if self.wanted.contains(address) && self.routes.get(&address) != Some(&route) {
            if self.wanted.routed.contains(&address) {
                self.gateways.extend(gateways(&route));
            }
            self.routes.insert(address, route);
            self.news = News::ALL;
        }
    }

    /// Whether a neighbour is a wanted backend, or a router on the path to one.
    fn is_needed(&self, key: NeighbourKey) -> bool {
        self.wanted.contains(key.1) || self.gateways.contains(&key)
    }

    fn forget_ports_of_others(&mut self) {
        let keys = self.routes.iter().flat_map(|(address, route)| neighbours(*address, route));
        let macs: BTreeSet<Mac> = keys.filter_map(|key| self.mac(key)).collect();
        self.link_stack.forwarding.retain_lost(|mac| macs.contains(&mac));
    }

    /// With many backends, most events only say that the kernel manages an entry or stopped to: they lead nowhere
    /// else.
    fn neighbour_changed(&mut self, key: NeighbourKey, before: Option<Entry>, now: Option<Entry>) {
        if !self.is_needed(key) {
            return;
        }
        let mac_before = before.and_then(mac);
        let known_before = mac_before.or_else(|| self.last_known.mac(key));
        match (mac_before, now) {
            (_, Some(Entry::Resolved(..))) => self.last_known.found(key),
            (Some(mac), Some(Entry::Unresolved | Entry::Failed) | None) => self.last_known.lost(key, mac),
            (None, Some(Entry::Failed)) => self.last_known.unanswered(key),
            (None, Some(Entry::Unresolved) | None) => {}
        }
        let is_another = known_before != self.mac(key) || self.has_lost_its_port(before, now);
        self.news.network |= is_another;
        self.news.probes |= is_another || before != now;
    }

    /// Whether a neighbour has answered, and the answer does not show the port that a bridge had lost.
    fn has_lost_its_port(&mut self, before: Option<Entry>, now: Option<Entry>) -> bool {
        match (before, now) {
            (Some(Entry::Resolved(_, Confirmation::Checking)), Some(Entry::Resolved(mac, Confirmation::Idle))) => {
                self.link_stack.forwarding.answered(mac)
            }
            _ => false,
        }
    }

    fn links_changed(&mut self) {
        self.news = News::ALL;
        self.questions.must_settle = true;
        self.ask_all_routes();
    }

    fn ask_all_routes(&mut self) {
        self.questions.routes.extend(self.wanted.addresses());
    }
}

/// The hosts that packets to an address are sent to: the routers of its route, or itself where there is none in between.
fn neighbours(address: IpAddr, route: &Route) -> impl Iterator<Item = NeighbourKey> {
    let next_hops = if let Route::Out(out) = route { &out.next_hops[..] } else { &[] };
    next_hops.iter().map(move |next_hop| (next_hop.oif, next_hop.gateway.unwrap_or(address)))
}

/// The routers of a route.
fn gateways(route: &Route) -> Vec<NeighbourKey> {
    let Route::Out(out) = route else { return Vec::new() };
    out.next_hops.iter().filter_map(|next_hop| Some((next_hop.oif, next_hop.gateway?))).collect()
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
