//! What differs between two configurations or two views of the network: the services that have to be planned again. Pure.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    net::IpAddr,
    sync::Arc,
};

use super::{
    index::{Index, address_of},
    intent::Intent,
};
use crate::{
    config::Config,
    model::{Backend, Network, Service, ServiceId},
};

/// What differs between two configurations. Services by their places in the later one.
#[derive(Debug, Default)]
pub(in crate::agent) struct Difference {
    /// Those that are new, or are described otherwise.
    pub(in crate::agent) services: BTreeSet<usize>,
    /// Those with other checks.
    pub(in crate::agent) checks: BTreeSet<usize>,
    /// Those that are gone.
    pub(in crate::agent) gone: Vec<ServiceId>,
    /// Whether services or VIPs came, went or changed.
    pub(in crate::agent) table: bool,
}

/// A configuration, and what is wanted beside it.
#[derive(Clone, Copy)]
pub(super) struct Version<'a> {
    pub(super) config: &'a Config,
    pub(super) intent: &'a Intent,
}

/// Compares two configurations; `old_index` is of the first.
pub(super) fn services(old: Version<'_>, new: Version<'_>, old_index: &Index) -> Difference {
    let mut difference = Difference::default();
    let mut lists = Lists::default();
    for (place, service) in new.config.desired.services.iter().enumerate() {
        let before = old_index.place(service.id).map(|at| &old.config.desired.services[at]);
        if before.is_none_or(|before| !is_same_row(before, service)) {
            difference.table = true;
            difference.services.insert(place);
        }
        let is_same = |before| {
            lists.are_same(old.intent.weights().backends(before), new.intent.weights().backends(service))
                && before.forward == service.forward
                && before.parts().0.len() == service.parts().0.len()
        };
        if !before.is_some_and(is_same) {
            difference.services.insert(place);
        }
        let id = &service.id;
        let checks = |config: &Config| {
            let checks = &config.checks;
            (checks.services.get(id).cloned(), checks.fallbacks.get(id).cloned())
        };
        if checks(old.config) != checks(new.config) {
            difference.checks.insert(place);
        }
    }
    let stays: HashSet<ServiceId> = new.config.desired.services.iter().map(|service| service.id).collect();
    let gone = old.config.desired.services.iter().map(|service| service.id).filter(|id| !stays.contains(id));
    difference.gone = gone.collect();
    difference.table |= !difference.gone.is_empty() || old.config.desired.hash_seed != new.config.desired.hash_seed;
    if old.config.desired.hash_seed != new.config.desired.hash_seed {
        difference.services = (0..new.config.desired.services.len()).collect();
    }
    difference
}

/// Whether all is the same that the service table and the planner know of a service besides its backends.
fn is_same_row(old: &Service, new: &Service) -> bool {
    // All fields are named, so that none that is added is forgotten.
    let Service {
        id,
        name: _,
        announce,
        vlans,
        on_empty,
        on_agent_death,
        affinity,
        flow_timeout,
        return_timeout,
        pool: _,
        forward: _,
        backends: _,
        fallback: _,
    } = new;
    (old.id, old.announce, &old.vlans) == (*id, *announce, vlans)
        && (old.on_empty, old.on_agent_death, old.affinity) == (*on_empty, *on_agent_death, *affinity)
        && (old.flow_timeout, old.return_timeout) == (*flow_timeout, *return_timeout)
}

/// Pairs of lists that were compared: services of one pool share theirs.
#[derive(Default)]
struct Lists(HashMap<(usize, usize), bool>);

impl Lists {
    fn are_same(&mut self, old: &Arc<[Backend]>, new: &Arc<[Backend]>) -> bool {
        *self.0.entry((address_of(old), address_of(new))).or_insert_with(|| old == new)
    }
}

/// The addresses that are reached otherwise than before.
pub(in crate::agent) fn reach(old: &Network, new: &Network) -> Vec<IpAddr> {
    // A hop with the same MACs does not count for l2 once it is a router's.
    let is_other = |address, reach| {
        old.reach.get(address) != Some(reach) || old.gateways.get(address) != new.gateways.get(address)
    };
    let changed = new.reach.iter().filter(|(address, reach)| is_other(*address, *reach));
    let gone = old.reach.keys().filter(|address| !new.reach.contains_key(address));
    changed.map(|(address, _)| *address).chain(gone.copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Hop, Mac, Reach, RoutedPath};

    #[test]
    fn an_address_that_a_router_leads_to_now_is_reached_otherwise() {
        let [address, router, other] = [1, 2, 3].map(|last| IpAddr::from([10, 0, 0, last]));
        let (source, destination) = (Mac([2; 6]), Mac([4; 6]));
        let hop = Hop { ifindex: 2, source, destination, tags: Vec::new(), path: RoutedPath::default() };
        let reach_of_both = [address, other].map(|address| (address, Reach::Hop(hop.clone())));
        let old = Network { reach: reach_of_both.into(), ..Network::default() };
        let new = Network { gateways: [(address, router)].into(), ..old.clone() };
        assert!(reach(&old, &old).is_empty());
        assert_eq!((reach(&old, &new), reach(&new, &old)), (vec![address], vec![address]));
    }
}
