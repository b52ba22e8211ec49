//! What is wanted beside the file: what an operator has said in the meantime, and what backends say of themselves. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::SystemTime,
};

use super::index::{Index, address_of};
use crate::{
    health::ReportedState,
    model::{AgentReport, Backend, Desired, Override, Service, Weights},
};

/// Pool and backend, by name.
type Name = (String, String);

/// An operator's word and the backends' own on top of the file's. They stay when the file is read again.
#[derive(Clone, Debug, Default)]
pub(in crate::agent) struct Intent {
    overrides: BTreeMap<Name, Since>,
    /// What backends say of themselves.
    reports: BTreeMap<Name, AgentReport>,
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
    pub(in crate::agent) fn follow(&mut self, desired: &Desired, index: &Index) {
        self.overrides.retain(|(pool, name), _| is_there(desired, index, pool, name));
        self.weights = Weights::default();
        let pools: BTreeSet<String> =
            self.overrides.keys().chain(self.reports.keys()).map(|(p, _)| p.clone()).collect();
        for pool in &pools {
            self.weigh(desired, index, pool);
        }
    }

    /// Follows what an operator says of a backend, or, with nothing said, the file again.
    pub(in crate::agent) fn set_override(
        &mut self,
        name: Name,
        said: Option<Override>,
        desired: &Desired,
        index: &Index,
    ) {
        let pool = name.0.clone();
        match said {
            Some(said) => _ = self.overrides.insert(name, Since { said, since: SystemTime::now() }),
            None => _ = self.overrides.remove(&name),
        }
        self.weigh(desired, index, &pool);
    }

    /// Takes in what backends say of themselves; gives the pools of those that say something new.
    pub(in crate::agent) fn hear(
        &mut self,
        said: BTreeMap<Name, ReportedState>,
        desired: &Desired,
        index: &Index,
    ) -> BTreeSet<String> {
        let said: BTreeMap<Name, AgentReport> = said.into_iter().map(|(name, said)| (name, said.report)).collect();
        let differs = |(name, report): &(&Name, &AgentReport), other: &BTreeMap<Name, AgentReport>| {
            other.get(*name) != Some(*report)
        };
        let new = said.iter().filter(|one| differs(one, &self.reports));
        let old = self.reports.iter().filter(|one| differs(one, &said));
        let pools: BTreeSet<String> = new.chain(old).map(|((pool, _), _)| pool.clone()).collect();
        self.reports = said;
        for pool in &pools {
            self.weigh(desired, index, pool);
        }
        pools
    }

    /// Whether that is not what backends said before.
    pub(in crate::agent) fn is_new(&self, said: &BTreeMap<Name, ReportedState>) -> bool {
        !said.iter().map(|(name, said)| (name, said.report)).eq(self.reports.iter().map(|(name, said)| (name, *said)))
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
        let backends = service.backends_by_pool().map(|(pool, backend)| {
            let name = (pool.to_owned(), backend.name.clone());
            let own = || self.reports.get(&name).copied().unwrap_or_default().applied_to(backend.weight);
            Backend { weight: self.overrides.get(&name).map_or_else(own, |at| at.said.weight()), ..backend.clone() }
        });
        backends.collect()
    }

    /// The weights that count.
    pub(in crate::agent) fn weights(&self) -> &Weights {
        &self.weights
    }

    /// What a backend said of itself, if it is asked.
    pub(in crate::agent) fn report(&self, pool: &str, backend: &str) -> Option<AgentReport> {
        // Usually no agent is asked.
        let key = || (pool.to_owned(), backend.to_owned());
        if self.reports.is_empty() { None } else { self.reports.get(&key()).copied() }
    }

    /// Whether a backend says that it is down.
    pub(in crate::agent) fn reports_down(&self, pool: &str, backend: &str) -> bool {
        self.report(pool, backend).is_some_and(|report| report.is_down)
    }

    /// Whether an operator said something of a backend.
    pub(in crate::agent) fn is_overridden(&self, pool: &str, backend: &str) -> bool {
        !self.overrides.is_empty() && self.overrides.contains_key(&(pool.to_owned(), backend.to_owned()))
    }

    /// What would be wanted with another configuration: its services with the weights that would count.
    pub(in crate::agent) fn with(&self, desired: &Desired) -> Desired {
        let (mut other, index) = (self.clone(), Index::of(desired));
        other.follow(desired, &index);
        let weighted =
            |service: &Service| Service { backends: Arc::clone(other.weights.backends(service)), ..service.clone() };
        Desired { services: desired.services.iter().map(weighted).collect(), ..*desired }
    }

    /// What an operator said of each backend, by pool and name.
    pub(in crate::agent) fn overrides(&self) -> &BTreeMap<Name, Since> {
        &self.overrides
    }
}

/// Whether a pool that is used has a backend of this name.
pub(in crate::agent) fn is_there(desired: &Desired, index: &Index, pool: &str, name: &str) -> bool {
    // The services of a pool have the same backends of it.
    let service = index.of_pool(pool).first().map(|place| &desired.services[*place]);
    service.is_some_and(|service| service.backends_by_pool().any(|(of, backend)| of == pool && backend.name == name))
}
