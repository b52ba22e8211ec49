//! What is wanted: the configuration, and what an operator has said in the meantime.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::SystemTime,
};

use super::{Error, balancer::Balancer};
use crate::{
    config::Config,
    health::ReportedState,
    model::{AgentReport, Backend, Desired, Override, Service},
};

/// The desired state, with the operator's word on top of the file's. That stays when the file is read again.
#[derive(Clone, Debug)]
pub(super) struct Intent {
    /// Both together.
    pub(super) desired: Desired,
    /// By pool and backend.
    overrides: BTreeMap<(String, String), Since>,
    /// What backends say of themselves, by pool and backend.
    reports: BTreeMap<(String, String), AgentReport>,
}

/// What an operator said, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since {
    pub(super) said: Override,
    pub(super) since: SystemTime,
}

impl Intent {
    /// The configuration alone.
    pub(super) fn of(config: &Config) -> Self {
        Self { desired: config.desired.clone(), overrides: BTreeMap::new(), reports: BTreeMap::new() }
    }

    /// Another configuration. What was said of backends that it does not have is forgotten.
    pub(super) fn follow(&mut self, config: &Config) {
        self.desired = config.desired.clone();
        if !self.overrides.is_empty() {
            let all = config.desired.services.iter().flat_map(Service::backends_by_pool);
            let there: HashSet<_> = all.map(|(pool, backend)| (pool, backend.name.as_str())).collect();
            self.overrides.retain(|(pool, name), _| there.contains(&(pool.as_str(), name.as_str())));
        }
        for index in 0..self.desired.services.len() {
            let backends = self.weighted(&self.desired.services[index]);
            self.desired.services[index].backends = backends;
        }
    }

    /// Whether that is not what backends said before.
    pub(super) fn is_new(&self, said: &BTreeMap<(String, String), ReportedState>) -> bool {
        !said
            .iter()
            .map(|(name, said)| (name, said.report))
            .eq(self.reports.iter().map(|(name, report)| (name, *report)))
    }

    /// Takes in what backends say of themselves; whether that is anything new.
    pub(super) fn hear(&mut self, said: BTreeMap<(String, String), ReportedState>, config: &Config) -> bool {
        let reports: BTreeMap<_, _> = said.into_iter().map(|(name, said)| (name, said.report)).collect();
        if reports == self.reports {
            return false;
        }
        self.reports = reports;
        self.follow(config);
        true
    }

    /// What a backend said of itself, if it is asked.
    pub(super) fn report(&self, pool: &str, backend: &str) -> Option<AgentReport> {
        self.reports.get(&(pool.to_owned(), backend.to_owned())).copied()
    }

    /// Whether a backend says that it is down.
    pub(super) fn reports_down(&self, pool: &str, backend: &str) -> bool {
        self.report(pool, backend).is_some_and(|report| report.is_down)
    }

    /// The backends of a service as they and the operator want them; the operator has the last word.
    fn weighted(&self, service: &Service) -> Arc<[Backend]> {
        let backends = service.backends_by_pool().map(|(pool, backend)| {
            let said = self.overrides.get(&(pool.to_owned(), backend.name.clone()));
            let own = || self.report(pool, &backend.name).unwrap_or_default().applied_to(backend.weight);
            Backend { weight: said.map_or_else(own, |at| at.said.weight()), ..backend.clone() }
        });
        backends.collect()
    }

    /// What would be wanted with another configuration.
    pub(super) fn with(&self, config: &Config) -> Desired {
        let mut other = self.clone();
        other.follow(config);
        other.desired
    }

    /// What an operator said of each backend, by pool and name.
    pub(super) fn overrides(&self) -> &BTreeMap<(String, String), Since> {
        &self.overrides
    }
}

/// Whether a pool that is used has a backend of this name.
fn is_there(desired: &Desired, pool: &str, name: &str) -> bool {
    let mut all = desired.services.iter().flat_map(Service::backends_by_pool);
    all.any(|(of, backend)| of == pool && backend.name == name)
}

impl Balancer {
    /// Follows what an operator says of a backend of a pool, or, with nothing said, the file again.
    pub(super) fn set_override(&mut self, pool: &str, backend: &str, said: Option<Override>) -> Result<(), Error> {
        if !is_there(&self.config.desired, pool, backend) {
            return Err(Error::NoBackend { pool: pool.to_owned(), backend: backend.to_owned() });
        }
        let key = (pool.to_owned(), backend.to_owned());
        match said {
            Some(said) => {
                Arc::make_mut(&mut self.intent).overrides.insert(key, Since { said, since: SystemTime::now() })
            }
            None => Arc::make_mut(&mut self.intent).overrides.remove(&key),
        };
        match said {
            Some(Override::Drain) => tracing::info!(pool, backend, "draining: it gets no new flows"),
            Some(Override::Weight(weight)) => tracing::info!(pool, backend, weight = weight.get(), "weighted"),
            None => tracing::info!(pool, backend, "override cleared"),
        }
        Arc::make_mut(&mut self.intent).follow(&self.config);
        self.reconcile()
    }
}
