//! Tells the operator when a backend can no longer be reached, or can again, and why.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use crate::{
    agent::state::State,
    model::{Backend, NoHop, PooledBackend, Service},
};

/// What was last told of each backend.
#[derive(Debug, Default)]
pub(super) struct ReachLog {
    told: BTreeMap<Place, Option<NoHop>>,
}

/// Where a backend is: its pool and its address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    pool: String,
    address: IpAddr,
}

impl Place {
    fn of(PooledBackend { pool, backend }: PooledBackend<'_>) -> Self {
        Self { pool: pool.to_owned(), address: backend.address }
    }
}

impl ReachLog {
    /// Logs what has changed since the last time of the backends at these addresses.
    pub(super) fn update(&mut self, state: &State, addresses: &BTreeSet<IpAddr>) {
        for address in addresses {
            for place in state.index.lists_of_address(*address) {
                let service = &state.config.desired.services[place];
                let mut backends = service.backends_by_pool();
                if let Some(of_pool) = backends.find(|of_pool| of_pool.backend.address == *address) {
                    self.tell_if_new(state, service, of_pool);
                }
            }
        }
    }

    /// The same of all backends of another configuration. Those that it does not have are forgotten.
    pub(super) fn update_all(&mut self, state: &State) {
        let mut before = std::mem::take(&mut self.told);
        for place in state.index.of_each_list() {
            let service = &state.config.desired.services[place];
            for of_pool in service.backends_by_pool() {
                if let Some((place, told)) = before.remove_entry(&Place::of(of_pool)) {
                    self.told.insert(place, told);
                }
                self.tell_if_new(state, service, of_pool);
            }
        }
    }

    fn tell_if_new(&mut self, state: &State, service: &Service, of_pool: PooledBackend<'_>) {
        let cause = state.network.no_hop(of_pool.backend.address, service.forward);
        let place = Place::of(of_pool);
        if self.told.get(&place) != Some(&cause) {
            tell(of_pool, cause.as_ref());
            self.told.insert(place, cause);
        }
    }
}

fn tell(PooledBackend { pool, backend }: PooledBackend<'_>, cause: Option<&NoHop>) {
    let Backend { name, address, .. } = backend;
    match cause {
        None => tracing::info!(pool, backend = name, %address, "the backend is reachable"),
        Some(cause) => {
            tracing::warn!(pool, backend = name, %address, %cause, "the backend is unreachable: it gets no flows");
        }
    }
}
