//! Tells the operator when a backend can no longer be reached, or can again, and why.

use std::{collections::BTreeMap, net::IpAddr};

use crate::model::{Desired, Network, NoHop, Reach, Service};

/// What was last told of each backend.
#[derive(Debug, Default)]
pub(super) struct ReachLog {
    told: BTreeMap<(String, IpAddr), Option<NoHop>>,
}

impl ReachLog {
    /// Logs what has changed since the last time.
    pub(super) fn update(&mut self, desired: &Desired, network: &Network) {
        let mut now = BTreeMap::new();
        for (pool, backend) in desired.services.iter().flat_map(Service::backends_by_pool) {
            let cause = cause(network, backend.address);
            let key = (pool.to_owned(), backend.address);
            if self.told.get(&key) != Some(&cause) && !now.contains_key(&key) {
                tell(pool, &backend.name, backend.address, cause.as_ref());
            }
            now.insert(key, cause);
        }
        self.told = now;
    }
}

/// Why nothing can be sent to an address, or nothing where it can.
pub(super) fn cause(network: &Network, address: IpAddr) -> Option<NoHop> {
    match network.reach.get(&address) {
        Some(Reach::Hop(_)) => None,
        Some(Reach::No(cause)) => Some(cause.clone()),
        None => Some(NoHop::NoNeighbour(address)),
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
