//! What is wanted: the configuration, and what an operator has said in the meantime.

use std::{collections::BTreeMap, sync::Arc};

use super::{Error, balancer::Balancer};
use crate::{
    config::Config,
    model::{Backend, Desired, Override, Service},
};

/// The desired state, with the operator's word on top of the file's. That stays when the file is read again.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    /// Both together.
    pub(super) desired: Desired,
    /// By pool and backend.
    overrides: BTreeMap<(String, String), Override>,
}

impl Wish {
    /// The configuration alone.
    pub(super) fn of(config: &Config) -> Self {
        Self { desired: config.desired.clone(), overrides: BTreeMap::new() }
    }

    /// Another configuration. What was said of backends that it does not have is forgotten.
    pub(super) fn follow(&mut self, config: &Config) {
        self.desired = config.desired.clone();
        let is_there = |pool: &str, name: &str| {
            let mut services = config.desired.services.iter().filter(|service| service.pool == pool);
            services.any(|service| service.backends.iter().any(|backend| backend.name == name))
        };
        self.overrides.retain(|(pool, name), _| is_there(pool, name));
        for service in &mut self.desired.services {
            service.backends = overridden(service, &self.overrides);
        }
    }

    /// What would be wanted with another configuration.
    pub(super) fn with(&self, config: &Config) -> Desired {
        let mut other = self.clone();
        other.follow(config);
        other.desired
    }

    /// What an operator said of each backend, by pool and name.
    pub(super) fn overrides(&self) -> &BTreeMap<(String, String), Override> {
        &self.overrides
    }
}

/// The backends of a service as the operator wants them.
fn overridden(service: &Service, overrides: &BTreeMap<(String, String), Override>) -> Arc<[Backend]> {
    let backends = service.backends.iter().map(|backend| {
        let said = overrides.get(&(service.pool.clone(), backend.name.clone()));
        let weight = said.map_or(backend.weight, |said| said.weight());
        Backend { weight, ..backend.clone() }
    });
    backends.collect()
}

impl Balancer {
    /// Follows what an operator says of a backend of a pool, or, with nothing said, the file again.
    pub(super) fn set_override(&mut self, pool: &str, backend: &str, said: Option<Override>) -> Result<(), Error> {
        let mut services = self.config.desired.services.iter().filter(|service| service.pool == pool);
        if !services.any(|service| service.backends.iter().any(|other| other.name == backend)) {
            return Err(Error::NoBackend { pool: pool.to_owned(), backend: backend.to_owned() });
        }
        let key = (pool.to_owned(), backend.to_owned());
        match said {
            Some(said) => self.wish.overrides.insert(key, said),
            None => self.wish.overrides.remove(&key),
        };
        match said {
            Some(Override::Drain) => tracing::info!(pool, backend, "draining: it gets no new flows"),
            Some(Override::Weight(weight)) => tracing::info!(pool, backend, weight = weight.get(), "weighted"),
            None => tracing::info!(pool, backend, "as in the file again"),
        }
        self.wish.follow(&self.config);
        self.reconcile()
    }
}
