//! Health checks of what the agent balances: where probes go, and what follows from what they find.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use dsr_common::member::MemberRow;

use super::{Error, balancer::Balancer};
use crate::{
    config::Config,
    datapath::Prober,
    health::{
        AgentChecks, AgentTarget, Monitor, Numbers, Target,
        link::{self, Families, ProbeLink},
    },
    model::{Backend, Check, Checked, Service},
    reconcile::member_row,
    tasks::Tasks,
};

/// The checks that are made, and the way that their probes go.
#[derive(Debug)]
pub(super) struct Probing {
    monitor: Monitor,
    numbers: Numbers,
    steering: Option<Steering>,
    agents: AgentChecks,
}

/// The link with its program, as long as there is a check.
#[derive(Debug)]
struct Steering {
    prober: Prober,
    families: Families,
}

impl Probing {
    /// Makes no checks yet.
    pub(super) fn new(tasks: &Tasks) -> Self {
        Self {
            monitor: Monitor::new(tasks),
            numbers: Numbers::default(),
            steering: None,
            agents: AgentChecks::new(tasks),
        }
    }

    /// Makes the checks of a configuration; where that has none, nothing of ours is left on the node.
    pub(super) async fn follow(&mut self, balancer: &mut Balancer) -> Result<(), Error> {
        let (wanted, families) = wanted(&balancer.config);
        self.numbers.assign(&wanted);
        self.lay(families).await?;
        self.steer(balancer);
        self.monitor.set_targets(targets(&balancer.config, &self.numbers));
        self.agents.set_targets(agents(&balancer.config));
        (balancer.checks, balancer.reports) = (self.monitor.reader(), self.agents.reports());
        balancer.apply_health()
    }

    /// Says how the probes of each backend are to be sent now.
    pub(super) fn steer(&mut self, balancer: &Balancer) {
        self.monitor.set_network(&balancer.network);
        let Some(steering) = &mut self.steering else { return };
        for (checked, row) in balancer.probe_rows() {
            if let Some(number) = self.numbers.of(&checked) {
                steering.prober.put(number, row);
            }
        }
    }

    /// Waits until a backend stands otherwise than before, or says so itself.
    pub(super) async fn changed(&self) {
        tokio::select! {
            () = self.monitor.changed() => {}
            () = self.agents.changed() => {}
        }
    }

    /// Ends all checks and removes what was added to the node.
    pub(super) async fn stop(self) {
        drop((self.monitor, self.agents));
        if self.steering.is_some()
            && let Err(error) = ProbeLink::remove().await
        {
            tracing::error!(%error, link = link::NAME, "cannot remove the link of the health probes");
        }
    }

    /// Makes the link, or removes it, or loads its program anew with more room.
    async fn lay(&mut self, families: Families) -> Result<(), Error> {
        let rows = self.numbers.rows();
        if rows == 0 {
            // Also what a crashed agent left.
            self.steering = None;
            return Ok(ProbeLink::remove().await?);
        }
        let room = rows.next_power_of_two().max(LEAST_ROWS);
        match &mut self.steering {
            Some(steering) if steering.families.include(families) => {
                if steering.prober.rows() < rows {
                    // The new program waits behind the old one until that is dropped.
                    steering.prober = Prober::attach(link::NAME, room)?;
                }
            }
            steering => {
                *steering = None;
                ProbeLink::add(families).await?;
                *steering = Some(Steering { prober: Prober::attach(link::NAME, room)?, families });
            }
        }
        Ok(())
    }
}

impl Balancer {
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
    let wanted: BTreeSet<Checked> =
        checked(config).map(|(service, (_, backend), _)| (service.id, backend.address)).collect();
    let families = Families::of(wanted.iter().map(|(service, _)| service.vip));
    (wanted, families)
}

/// Each backend that is checked: its service, the name of its pool and itself, its check.
fn checked(config: &Config) -> impl Iterator<Item = (&Service, (&str, &Backend), &Arc<Check>)> {
    let checks = &config.checks;
    config.desired.services.iter().flat_map(move |service| {
        service
            .backends_by_pool()
            .filter_map(move |(pool, backend)| Some((service, (pool, backend), checks.of(service, backend.address)?)))
    })
}

fn targets(config: &Config, numbers: &Numbers) -> Vec<Target> {
    let target = |(service, (pool, backend), check): (&Service, (&str, &Backend), &Arc<Check>)| {
        let id = (service.id, backend.address);
        Some(Target {
            id,
            number: numbers.of(&id)?,
            service: service.name.clone(),
            pool: pool.to_owned(),
            backend: backend.name.clone(),
            check: Arc::clone(check),
        })
    };
    checked(config).filter_map(target).collect()
}

/// The backends that say themselves what they can take, each once.
fn agents(config: &Config) -> Vec<AgentTarget> {
    let mut targets = BTreeMap::new();
    for (pool, backend) in config.desired.services.iter().flat_map(Service::backends_by_pool) {
        let Some(check) = config.checks.agents.get(pool) else { continue };
        targets.entry((pool, &backend.name)).or_insert_with(|| AgentTarget {
            pool: pool.to_owned(),
            backend: backend.name.clone(),
            address: backend.address,
            check: Arc::clone(check),
        });
    }
    targets.into_values().collect()
}

/// Rows of the smallest table: few backends more need no other one.
const LEAST_ROWS: u32 = 256;
