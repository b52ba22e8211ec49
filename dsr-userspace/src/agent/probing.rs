//! Health checks of what the agent balances: where probes go, and what follows from what they find.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use dsr_common::member::MemberRow;

use super::{Error, balancer::Balancer, lock};
use crate::{
    config::Config,
    datapath::Prober,
    health::{
        Monitor, Numbers, State, Target, Verdict, judge,
        link::{self, Families, ProbeLink},
    },
    model::{Backend, Checked, Health, Service, ServiceId},
    reconcile::member_row,
};

/// The checks that are made, and the way that their probes go.
#[derive(Debug, Default)]
pub(super) struct Probing {
    monitor: Monitor,
    numbers: Numbers,
    way: Option<Way>,
    overridden: Vec<ServiceId>,
}

/// The link with its program, as long as there is a check.
#[derive(Debug)]
struct Way {
    prober: Prober,
    families: Families,
}

impl Probing {
    /// Makes the checks of a configuration; where that has none, nothing of ours is left on the node.
    pub(super) async fn follow(&mut self, balancer: &Mutex<Balancer>) -> Result<(), Error> {
        let (wanted, families) = wanted(&lock(balancer).config);
        self.numbers.assign(&wanted);
        self.lay(families).await?;
        let mut balancer = lock(balancer);
        self.steer(&balancer);
        self.monitor.set_targets(targets(&balancer.config, &self.numbers));
        balancer.checks = self.monitor.reader();
        self.assess(&mut balancer)
    }

    /// Says how the probes of each backend are to be sent now.
    pub(super) fn steer(&mut self, balancer: &Balancer) {
        self.monitor.set_network(&balancer.network);
        let Some(way) = &mut self.way else { return };
        for (checked, row) in balancer.probe_rows() {
            if let Some(number) = self.numbers.of(&checked) {
                way.prober.put(number, row);
            }
        }
    }

    /// Waits until a backend stands otherwise than before.
    pub(super) async fn changed(&self) {
        self.monitor.changed().await;
    }

    /// Gives backends what they may get by their checks.
    pub(super) fn assess(&mut self, balancer: &mut Balancer) -> Result<(), Error> {
        let standings: BTreeMap<Checked, State> =
            self.monitor.reader().report().into_iter().map(|s| (s.target.id, s.state)).collect();
        let config = &balancer.config;
        let Verdict { health, overridden } = judge(&config.desired.services, &config.checks, |service, backend| {
            standings.get(&(service, backend)).copied().unwrap_or_default()
        });
        self.tell(config, &overridden);
        self.overridden = overridden;
        balancer.heed(health)
    }

    /// Ends all checks and removes what was added to the node.
    pub(super) async fn stop(self) {
        drop(self.monitor);
        if self.way.is_some()
            && let Err(error) = ProbeLink::remove().await
        {
            tracing::error!(%error, link = link::NAME, "what health probes were led by is left");
        }
    }

    /// Makes the link, or removes it, or loads its program anew with more room.
    async fn lay(&mut self, families: Families) -> Result<(), Error> {
        let rows = self.numbers.rows();
        if rows == 0 {
            // Also what a crashed agent left.
            self.way = None;
            return Ok(ProbeLink::remove().await?);
        }
        let room = rows.next_power_of_two().max(LEAST_ROWS);
        match &mut self.way {
            Some(way) if way.families.include(families) => {
                if way.prober.rows() < rows {
                    // The new program waits behind the old one until that is dropped.
                    way.prober = Prober::attach(link::NAME, room)?;
                }
            }
            way => {
                *way = None;
                ProbeLink::add(families).await?;
                *way = Some(Way { prober: Prober::attach(link::NAME, room)?, families });
            }
        }
        Ok(())
    }

    fn tell(&self, config: &Config, overridden: &[ServiceId]) {
        for service in &config.desired.services {
            let (before, now) = (self.overridden.contains(&service.id), overridden.contains(&service.id));
            if now && !before {
                tracing::warn!(
                    service = service.name,
                    pool = service.pool,
                    "fewer backends are up than `min_healthy`: all are used, those that are down too"
                );
            } else if before && !now {
                tracing::info!(service = service.name, pool = service.pool, "enough backends are up again");
            }
        }
    }
}

impl Balancer {
    /// Follows what checks say of the backends.
    pub(super) fn heed(&mut self, health: Health) -> Result<(), Error> {
        if health == self.health {
            return Ok(());
        }
        self.health = health;
        self.reconcile()
    }

    /// How a packet of each service reaches each of its backends now, whatever checks say.
    pub(super) fn probe_rows(&self) -> Vec<(Checked, MemberRow)> {
        let devices = self.devices_by_index();
        let services = self.config.desired.services.iter();
        let members = services.flat_map(|service| service.backends.iter().map(move |backend| (service, backend)));
        let row = |(service, backend): (&Service, &Backend)| {
            ((service.id, backend.address), member_row(service, backend, &self.network, &devices))
        };
        members.map(row).collect()
    }
}

/// What a configuration wants checked, and which families that takes.
fn wanted(config: &Config) -> (BTreeSet<Checked>, Families) {
    let checked = config.desired.services.iter().filter(|service| config.checks.0.contains_key(&service.id));
    let wanted: BTreeSet<Checked> =
        checked.flat_map(|service| service.backends.iter().map(|backend| (service.id, backend.address))).collect();
    let families = Families::of(wanted.iter().map(|(service, _)| service.vip));
    (wanted, families)
}

fn targets(config: &Config, numbers: &Numbers) -> Vec<Target> {
    let mut targets = Vec::new();
    for service in &config.desired.services {
        let Some(check) = config.checks.0.get(&service.id) else { continue };
        for backend in service.backends.iter() {
            let id = (service.id, backend.address);
            let Some(number) = numbers.of(&id) else { continue };
            targets.push(Target {
                id,
                number,
                service: service.name.clone(),
                pool: service.pool.clone(),
                backend: backend.name.clone(),
                check: Arc::clone(check),
            });
        }
    }
    targets
}

/// Rows of the smallest table: few backends more need no other one.
const LEAST_ROWS: u32 = 256;
