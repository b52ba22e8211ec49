//! Tells the operator when a backend can no longer be reached, or can again, and why.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use crate::{
    agent::state::State,
    model::{Backend, NoHop, Service},
};

/// What was last told of each backend, by pool and address.
#[derive(Debug, Default)]
pub(super) struct ReachLog {
    told: BTreeMap<(String, IpAddr), Option<NoHop>>,
}

impl ReachLog {
    /// Logs what has changed since the last time of the backends at these addresses.
    pub(super) fn update(&mut self, state: &State, addresses: &BTreeSet<IpAddr>) {
        for address in addresses {
            for place in state.index.lists_of_address(*address) {
                let service = &state.config.desired.services[place];
                let mut backends = service.backends_by_pool();
                if let Some((pool, backend)) = backends.find(|(_, backend)| backend.address == *address) {
                    self.tell_if_new(state, service, pool, backend);
                }
            }
        }
    }

    /// The same of all backends of another configuration. Those that it does not have are forgotten.
    pub(super) fn update_all(&mut self, state: &State) {
        let mut before = std::mem::take(&mut self.told);
        for place in state.index.of_each_list() {
            let service = &state.config.desired.services[place];
            for (pool, backend) in service.backends_by_pool() {
                if let Some((key, told)) = before.remove_entry(&(pool.to_owned(), backend.address)) {
                    self.told.insert(key, told);
                }
                self.tell_if_new(state, service, pool, backend);
            }
        }
    }

    fn tell_if_new(&mut self, state: &State, service: &Service, pool: &str, backend: &Backend) {
        let cause = state.network.no_hop(backend.address, service.forward);
        let key = (pool.to_owned(), backend.address);
        if self.told.get(&key) != Some(&cause) {
            tell(pool, &backend.name, backend.address, cause.as_ref());
            self.told.insert(key, cause);
        }
    }
}

fn tell(pool: &str, backend: &str, address: IpAddr, cause: Option<&NoHop>) {
    match cause {
        None => tracing::info!(pool, backend, %address, "the backend is reachable"),
        Some(cause) => {
            tracing::warn!(pool, backend, %address, %cause, "the backend is unreachable: it gets no flows");
        }
    }
}
