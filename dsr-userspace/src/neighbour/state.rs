//! What is known of the network, and what follows from it for each wanted backend. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    net::IpAddr,
};

use super::{
    facts::{Confirmation, Entry, Fact, Link, NeighbourKey, Route},
    last_known::LastKnown,
    link_stack::{self, LinkStack},
    probe_schedule::NeighbourProbe,
};
use crate::model::{Hop, Mac, Network, NoHop, Reach, RoutedPath};

/// Facts, and the routes to the wanted backends.
#[derive(Debug, Default)]
pub(super) struct State {
    wanted: BTreeSet<IpAddr>,
    link_stack: LinkStack,
    neighbours: BTreeMap<NeighbourKey, Entry>,
    last_known: LastKnown,
    routes: BTreeMap<IpAddr, Route>,
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
    /// Whether a link changed: the kernel tells of it before it has changed the routes that depend on it.
    pub(super) links_changed: bool,
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

    /// Takes the backends whose way is wanted; only those that are new have to be asked for.
    pub(super) fn set_wanted(&mut self, wanted: BTreeSet<IpAddr>) {
        self.questions.routes.extend(wanted.difference(&self.wanted));
        self.questions.routes.retain(|address| wanted.contains(address));
        self.routes.retain(|address, _| wanted.contains(address));
        self.last_known.retain(|(_, address)| wanted.contains(&address));
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
                && self.wanted.contains(&key.1)
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
                self.questions.routes.extend(self.wanted.iter().filter(|&&address| prefix.contains(address)));
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

    /// Takes the answer to a question for a route.
    pub(super) fn set_route(&mut self, address: IpAddr, route: Route) {
        if self.wanted.contains(&address) {
            self.routes.insert(address, route);
            self.news = News::ALL;
        }
    }

    /// What follows for the data path.
    pub(super) fn network(&self) -> Network {
        let reach = self.routes.iter().map(|(&address, &route)| (address, self.reach(address, route))).collect();
        let (interfaces, ports, vlan_tags) =
            (self.link_stack.interfaces(), self.link_stack.ports(), self.link_stack.vlan_tags());
        Network { interfaces, ports, vlans: link_stack::vlans(&vlan_tags), vlan_tags, reach }
    }

    /// The neighbour entries that the wanted backends need, and what is to be done for each.
    pub(super) fn probes(&self) -> BTreeMap<NeighbourKey, NeighbourProbe> {
        self.routes
            .iter()
            .filter_map(|(&address, &route)| {
                let Route::Out { oif, gateway: None } = route else { return None };
                let probe = match self.reach(address, route) {
                    Reach::No(NoHop::NoNeighbour(_)) => NeighbourProbe::Solicit,
                    Reach::Hop(_) | Reach::No(NoHop::NoPort(_)) if self.last_known.mac((oif, address)).is_some() => {
                        NeighbourProbe::Solicit
                    }
                    // A bridge has lost its port, and its answer tells the bridge where it is.
                    Reach::Hop(Hop { destination, .. })
                        if self.is_idle((oif, address)) && self.link_stack.forwarding.has_to_ask(destination) =>
                    {
                        NeighbourProbe::Locate
                    }
                    // So does this one, where no port was known.
                    Reach::Hop(_) | Reach::No(NoHop::NoPort(_)) if self.is_idle((oif, address)) => {
                        NeighbourProbe::Confirm
                    }
                    _ => return None,
                };
                Some(((oif, address), probe))
            })
            .collect()
    }

    fn is_idle(&self, key: NeighbourKey) -> bool {
        matches!(self.neighbours.get(&key), Some(Entry::Resolved(_, Confirmation::Idle)))
    }

    fn reach(&self, address: IpAddr, route: Route) -> Reach {
        let (oif, gateway) = match route {
            Route::None => return Reach::No(NoHop::NoRoute),
            Route::Local => return Reach::No(NoHop::Local),
            Route::Out { oif, gateway } => (oif, gateway),
        };
        let Some(link) = self.link_stack.links.get(&oif) else { return Reach::No(NoHop::NoRoute) };
        let Some(source) = link.mac.filter(|_| self.link_stack.lead_outside(oif)) else {
            return Reach::No(NoHop::OtherInterface(link.name.clone()));
        };
        if let Some(gateway) = gateway {
            return Reach::No(NoHop::Gateway(gateway));
        }
        if !link.is_up() {
            return Reach::No(NoHop::InterfaceDown(link.name.clone()));
        }
        let destination = self.mac((oif, address));
        let egress_port = match self.link_stack.egress_port(oif, destination, NoHop::NoNeighbour(address)) {
            Ok(egress_port) => egress_port,
            Err(no) => return Reach::No(no),
        };
        if !self.link_stack.links.get(&egress_port.ifindex).is_some_and(Link::is_up) {
            return Reach::No(NoHop::InterfaceDown(link.name.clone()));
        }
        let Some(destination) = destination else { return Reach::No(NoHop::NoNeighbour(address)) };
        Reach::Hop(Hop {
            ifindex: egress_port.ifindex,
            source,
            destination,
            tags: egress_port.tags,
            path: RoutedPath::default(),
        })
    }

    /// The neighbour's MAC: the kernel's, or else the last one that counts still.
    fn mac(&self, key: NeighbourKey) -> Option<Mac> {
        self.neighbours.get(&key).copied().and_then(mac).or_else(|| self.last_known.mac(key))
    }

    fn forget_ports_of_others(&mut self) {
        let keys = self.routes.iter().filter_map(|(address, route)| match route {
            Route::Out { oif, .. } => Some((*oif, *address)),
            Route::None | Route::Local => None,
        });
        let macs: BTreeSet<Mac> = keys.filter_map(|key| self.mac(key)).collect();
        self.link_stack.forwarding.retain_lost(|mac| macs.contains(&mac));
    }

    /// With many backends, most events only say that the kernel manages an entry or stopped to: they lead nowhere
    /// else.
    fn neighbour_changed(&mut self, key: NeighbourKey, before: Option<Entry>, now: Option<Entry>) {
        if !self.wanted.contains(&key.1) {
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
        self.questions.links_changed = true;
        self.ask_all_routes();
    }

    fn ask_all_routes(&mut self) {
        self.questions.routes.extend(&self.wanted);
    }
}

const fn mac(entry: Entry) -> Option<Mac> {
    match entry {
        Entry::Resolved(mac, _) => Some(mac),
        Entry::Unresolved | Entry::Failed => None,
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
