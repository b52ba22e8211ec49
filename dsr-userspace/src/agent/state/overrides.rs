//! What an operator says of a backend over the admin API.

use super::State;
use crate::{
    agent::Error,
    api::{
        Failure, Kind,
        view::{OverrideAction, OverrideAnswer, OverrideRequest},
    },
    model::{BackendKey, Override, Service, Weight},
};

impl State {
    /// Follows what is said, and answers with what counts from now on.
    pub(in crate::agent) fn apply_override(&mut self, request: &OverrideRequest) -> Result<OverrideAnswer, Failure> {
        let said = match request.action {
            OverrideAction::Drain => Some(Override::Drain),
            OverrideAction::Clear => None,
            OverrideAction::Weight(weight) => Some(Override::Weight(weight_of(weight)?)),
        };
        let key = BackendKey { pool: self.pool_of(request)?, backend: request.backend.clone() };
        let is_there = self.set_override(&key, said);
        let [weight, weight_in_file] = self.weights_of(&key).map_or([0; 2], |both| both.map(Weight::get));
        let BackendKey { pool, backend } = key;
        if !is_there {
            return Err(Failure::failed(Error::NoBackend { pool, backend }));
        }
        match said {
            Some(Override::Drain) => tracing::info!(pool, backend, "draining: it gets no new flows"),
            Some(Override::Weight(weight)) => tracing::info!(pool, backend, weight = weight.get(), "weighted"),
            None => tracing::info!(pool, backend, "override cleared"),
        }
        Ok(OverrideAnswer { pool, backend, weight, weight_in_file })
    }

    /// The weight of a backend that counts, and the file's.
    fn weights_of(&self, key: &BackendKey) -> Option<[Weight; 2]> {
        let place = self.index.of_pool(&key.pool).first()?;
        let service = &self.config.desired.services[*place];
        let mut both = service.backends_by_pool().zip(self.intent.weights().backends(service).iter());
        let (in_file, backend) = both.find(|(in_file, _)| in_file.is(key))?;
        Some([backend.weight, in_file.backend.weight])
    }

    /// The one pool that is meant.
    fn pool_of(&self, request: &OverrideRequest) -> Result<String, Failure> {
        let services = &self.config.desired.services;
        let name = &request.backend;
        // Each list of backends once.
        let all = self.index.of_each_list().flat_map(|place| services[place].backends_by_pool());
        let named = all.filter(|of_pool| of_pool.backend.name == *name);
        let mut pools: Vec<&str> = named.map(|of_pool| of_pool.pool).collect();
        pools.sort_unstable();
        pools.dedup();
        if let Some(pool) = &request.pool {
            let unknown = || {
                let error = format!("the pool {pool} has no backend {name}, or no service uses it");
                Failure::new(Kind::Unknown, error, there_are(services))
            };
            return pools.contains(&pool.as_str()).then(|| pool.clone()).ok_or_else(unknown);
        }
        match pools[..] {
            [pool] => Ok(pool.to_owned()),
            [] => Err(Failure::new(Kind::Unknown, format!("no service has a backend {name}"), there_are(services))),
            _ => {
                let error = format!("{name} is a backend of several pools");
                Err(Failure::new(Kind::Wrong, error, format!("name one with --pool: {}", pools.join(", "))))
            }
        }
    }
}

fn weight_of(weight: u16) -> Result<Weight, Failure> {
    Weight::new(weight).ok_or_else(|| {
        let error = format!("{weight} is not a weight");
        let remedy = format!("give one from 0 to {}", Weight::MAX);
        Failure::new(Kind::Wrong, error, remedy)
    })
}

/// The backends that could have been named.
fn there_are(services: &[Service]) -> String {
    let of_pool = |service: &Service| service.backends.iter().map(|backend| backend.name.clone()).collect::<Vec<_>>();
    let mut names: Vec<String> = services.iter().flat_map(of_pool).collect();
    names.sort_unstable();
    names.dedup();
    let more = if names.len() > SHOWN { ", and more in `dsr status`" } else { "" };
    names.truncate(SHOWN);
    format!("name one of {}{more}", names.join(", "))
}

/// Names that a message holds.
const SHOWN: usize = 20;
