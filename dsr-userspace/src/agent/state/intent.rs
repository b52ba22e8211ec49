//! What is wanted beside the file: what an operator has said in the meantime, and what backends say of themselves. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::SystemTime,
};

use super::index::{Index, address_of};
use crate::{
    health::ReportedState,
    model::{AgentReport, Backend, BackendKey, Desired, Override, PooledBackend, Service, Weights},
};

/// An operator's word and the backends' own on top of the file's. They stay when the file is read again.
#[derive(Clone, Debug, Default)]
pub(in crate::agent) struct Intent {
    overrides: BTreeMap<BackendKey, Since>,
    /// What backends say of themselves.
    reports: BTreeMap<BackendKey, AgentReport>,
    /// What counts by all of it; of the configuration in force.
    weights: Weights,
}

/// What an operator said, and when.
#[derive(Clone, Copy, Debug)]
pub(in crate::agent) struct Since {
    pub(in crate::agent) said: Override,
    pub(in crate::agent) since: SystemTime,
}

impl Intent {
    /// Another configuration. What was said of backends that it does not have is forgotten.
    pub(super) fn follow(&mut self, desired: &Desired, index: &Index) {
        self.overrides.retain(|backend, _| is_there(desired, index, backend));
        self.weights = Weights::default();
        let known = self.overrides.keys().chain(self.reports.keys());
        let pools: BTreeSet<String> = known.map(|backend| backend.pool.clone()).collect();
        for pool in &pools {
            self.weigh(desired, index, pool);
        }
    }

    /// Follows what an operator says of a backend, or, with nothing said, the file again.
    pub(super) fn set_override(
        &mut self,
        backend: BackendKey,
        said: Option<Override>,
        desired: &Desired,
        index: &Index,
    ) {
        let pool = backend.pool.clone();
        match said {
            Some(said) => _ = self.overrides.insert(backend, Since { said, since: SystemTime::now() }),
            None => _ = self.overrides.remove(&backend),
        }
        self.weigh(desired, index, &pool);
    }

    /// Takes in what backends say of themselves; gives the pools of those that say something new.
    pub(super) fn hear(
        &mut self,
        said: BTreeMap<BackendKey, ReportedState>,
        desired: &Desired,
        index: &Index,
    ) -> BTreeSet<String> {
        let said: BTreeMap<BackendKey, AgentReport> =
            said.into_iter().map(|(backend, said)| (backend, said.report)).collect();
        let known = said.keys().chain(self.reports.keys());
        let differs = |backend: &&BackendKey| said.get(*backend) != self.reports.get(*backend);
        let pools: BTreeSet<String> = known.filter(differs).map(|backend| backend.pool.clone()).collect();
        self.reports = said;
        for pool in &pools {
            self.weigh(desired, index, pool);
        }
        pools
    }

    /// Whether that is not what backends said before.
    pub(super) fn is_new(&self, said: &BTreeMap<BackendKey, ReportedState>) -> bool {
        let before = self.reports.iter().map(|(backend, report)| (backend, *report));
        !said.iter().map(|(backend, said)| (backend, said.report)).eq(before)
    }

    /// Weighs the backends of all services that use a pool: each list of backends once.
    fn weigh(&mut self, desired: &Desired, index: &Index, pool: &str) {
        let mut lists = BTreeSet::new();
        for service in index.of_pool(pool).iter().map(|place| &desired.services[*place]) {
            if lists.insert(address_of(&service.backends)) {
                let weighted = self.weighted(service);
                self.weights.set(service, weighted);
            }
        }
    }

    /// The backends of a service as they and the operator want them; the operator has the last word.
    fn weighted(&self, service: &Service) -> Arc<[Backend]> {
        let backends = service.backends_by_pool().map(|of_pool| {
            let key = of_pool.key();
            let backend = of_pool.backend;
            let own = || self.reports.get(&key).copied().unwrap_or_default().applied_to(backend.weight);
            Backend { weight: self.overrides.get(&key).map_or_else(own, |at| at.said.weight()), ..backend.clone() }
        });
        backends.collect()
    }

    /// The weights that count.
    pub(in crate::agent) fn weights(&self) -> &Weights {
        &self.weights
    }

    /// What a backend said of itself, if it is asked.
    pub(in crate::agent) fn report(&self, backend: PooledBackend<'_>) -> Option<AgentReport> {
        // Usually no agent is asked.
        if self.reports.is_empty() { None } else { self.reports.get(&backend.key()).copied() }
    }

    /// Whether a backend says that it is down.
    pub(in crate::agent) fn reports_down(&self, backend: PooledBackend<'_>) -> bool {
        self.report(backend).is_some_and(|report| report.is_down)
    }

    /// Whether an operator said something of a backend.
    pub(in crate::agent) fn is_overridden(&self, backend: PooledBackend<'_>) -> bool {
        !self.overrides.is_empty() && self.overrides.contains_key(&backend.key())
    }

    /// What would be wanted with another configuration: its services with the weights that would count.
    pub(in crate::agent) fn with(&self, desired: &Desired) -> Desired {
        let mut other = self.clone();
        let index = Index::of(desired);
        other.follow(desired, &index);
        let weighted =
            |service: &Service| Service { backends: Arc::clone(other.weights.backends(service)), ..service.clone() };
        Desired { services: desired.services.iter().map(weighted).collect(), ..*desired }
    }

    /// What an operator said of each backend.
    pub(in crate::agent) fn overrides(&self) -> &BTreeMap<BackendKey, Since> {
        &self.overrides
    }
}

/// Whether a pool that is used has a backend of this name.
pub(super) fn is_there(desired: &Desired, index: &Index, backend: &BackendKey) -> bool {
    // The services of a pool have the same backends of it.
    let service = index.of_pool(&backend.pool).first().map(|place| &desired.services[*place]);
    service.is_some_and(|service| service.backends_by_pool().any(|of_pool| of_pool.is(backend)))
}
