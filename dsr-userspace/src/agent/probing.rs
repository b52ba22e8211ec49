//! Health checks of what the agent balances: where probes go, and what follows from what they find.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use dsr_common::member::MemberRows;
use tokio::time::Instant;

use super::{program::Program, state::State};
use crate::{
    config::Config,
    datapath::{self, Prober},
    health::{
        AgentChecks, AgentReports, AgentTarget, Monitor, Numbers, ProbePath, Reader, Steered, Target,
        link::{self, Families, LinkError, ProbeLink},
    },
    model::{BackendKey, Check, Checked, PooledBackend, Service},
    reconcile::member_rows,
    tasks::Tasks,
};

/// The checks that are made, and the way that their probes go.
#[derive(Debug)]
pub(super) struct Probing {
    monitor: Monitor,
    numbers: Numbers,
    /// The VIPs that are probed.
    vips: BTreeSet<IpAddr>,
    steering: Option<Steering>,
    /// Why probes are not steered although there are checks.
    fault: Option<Fault>,
    agents: AgentChecks,
}

/// The link with its program, as long as there is a check.
#[derive(Debug)]
struct Steering {
    prober: Prober,
    families: Families,
    ifindex: u32,
}

/// Why the link could not be laid, and when that is tried again.
#[derive(Debug)]
struct Fault {
    why: String,
    retry: Instant,
}

/// Why probes cannot be steered. That is no error of a configuration, nor of a backend.
#[derive(Debug, thiserror::Error)]
enum SteeringError {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    Program(#[from] datapath::Error),
}

impl Probing {
    /// Makes no checks yet.
    pub(super) fn new(tasks: &Tasks) -> Self {
        Self {
            monitor: Monitor::new(tasks),
            numbers: Numbers::default(),
            vips: BTreeSet::new(),
            steering: None,
            fault: None,
            agents: AgentChecks::new(tasks),
        }
    }

    /// Makes the checks of a configuration; where that has none, nothing of ours is left on the node. Where probes cannot
    /// be steered, checks have no result until they can.
    pub(super) async fn follow(&mut self, state: &State, program: &Program) {
        let wanted = wanted(&state.config);
        self.numbers.assign(&wanted);
        self.vips = wanted.iter().map(|(service, _)| service.vip).collect();
        self.lay().await;
        self.steer_all(state, program);
        self.monitor.set_targets(targets(&state.config, &self.numbers));
        self.agents.set_targets(agents(&state.config));
    }

    /// What the checks find.
    pub(super) fn checks(&self) -> Reader {
        self.monitor.reader()
    }

    /// What backends say themselves.
    pub(super) fn reports(&self) -> AgentReports {
        self.agents.reports()
    }

    /// Says how the probes of each backend are to be sent now.
    fn steer_all(&mut self, state: &State, program: &Program) {
        self.steer(state, program, &state.config.desired.backend_addresses());
    }

    /// The same of the backends at these addresses.
    pub(super) fn steer(&mut self, state: &State, program: &Program, addresses: &BTreeSet<IpAddr>) {
        self.monitor.set_network(&state.network);
        let Some(steering) = &mut self.steering else { return };
        for (checked, row) in probe_rows(state, &program.devices_by_index(state), addresses) {
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
        if !self.vips.is_empty()
            && let Err(error) = ProbeLink::remove().await
        {
            tracing::error!(%error, link = link::NAME, "cannot remove the link of the health probes");
        }
    }

    /// Notices that another program removed what steers probes, and lays it again; also what could not be laid before.
    pub(super) async fn restore(&mut self, state: &State, program: &Program) {
        if self.vips.is_empty() {
            return;
        }
        match (&self.steering, &self.fault) {
            (Some(steering), _) => match self.verify(steering.path()).await {
                Ok(()) => return,
                Err(error @ (LinkError::Lost { .. } | LinkError::Detached)) => self.fail(&error, Instant::now()),
                Err(error) => return tracing::debug!(%error, "cannot verify that health probes are steered"),
            },
            (None, Some(fault)) if Instant::now() < fault.retry => return,
            (None, _) => {}
        }
        self.lay().await;
        self.steer_all(state, program);
    }

    /// Lays the link as it is wanted now. Where that fails, checks have no result, and it is tried again.
    async fn lay(&mut self) {
        match self.try_lay().await {
            // Nothing is checked: what is left on the node does no harm.
            Err(error) if self.vips.is_empty() => {
                tracing::error!(%error, link = link::NAME, "cannot remove the link of the health probes");
                self.monitor.set_steering(Steered::Unused);
                self.fault = None;
            }
            Err(error) => self.fail(&error, Instant::now() + RETRY_AFTER),
            Ok(()) => {
                let steered = self.steering.as_ref().map(|steering| Steered::By(steering.path()));
                self.monitor.set_steering(steered.unwrap_or_default());
                if self.fault.take().is_some() && self.steering.is_some() {
                    tracing::info!(link = link::NAME, "health probes are steered again");
                }
            }
        }
    }

    /// Sends no probe any more, and says why where that was not said before.
    fn fail(&mut self, error: &impl ToString, retry: Instant) {
        let why = error.to_string();
        self.steering = None;
        self.monitor.set_steering(Steered::Nowhere(why.clone()));
        if self.fault.as_ref().is_none_or(|fault| fault.why != why) {
            tracing::warn!(link = link::NAME, "health checks have no result, backends keep their states: {why}");
        }
        self.fault = Some(Fault { why, retry });
    }

    /// Makes the link, or removes it, or loads its program anew with more room.
    async fn try_lay(&mut self) -> Result<(), SteeringError> {
        let rows = self.numbers.rows();
        if rows == 0 {
            // Also what a crashed agent left.
            self.steering = None;
            return Ok(ProbeLink::remove().await?);
        }
        let families = Families::of(self.vips.iter().copied());
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
                let ifindex = ProbeLink::add(families).await?.ifindex().await?;
                let prober = Prober::attach(link::NAME, room)?;
                let laid = Steering { prober, families, ifindex };
                self.verify(laid.path()).await?;
                self.steering = Some(laid);
            }
        }
        Ok(())
    }

    /// Whether probes of each family go by this path.
    async fn verify(&self, path: ProbePath) -> Result<(), LinkError> {
        let (ipv4, ipv6): (Vec<_>, Vec<_>) = self.vips.iter().partition(|vip| vip.is_ipv4());
        path.verify(&ipv4).await?;
        path.verify(&ipv6).await
    }
}

impl Steering {
    const fn path(&self) -> ProbePath {
        ProbePath { ifindex: self.ifindex, program: self.prober.program() }
    }
}

/// How a packet of each service reaches each of its backends at these addresses now, whatever checks say.
fn probe_rows(state: &State, devices: &BTreeMap<u32, u32>, addresses: &BTreeSet<IpAddr>) -> Vec<(Checked, MemberRows)> {
    let places: BTreeSet<usize> = addresses.iter().flat_map(|address| state.index.of_address(*address)).collect();
    let mut rows = Vec::new();
    for service in places.into_iter().map(|place| &state.config.desired.services[place]) {
        for backend in service.backends.iter().filter(|backend| addresses.contains(&backend.address)) {
            rows.push(((service.id, backend.address), member_rows(service, backend, &state.network, devices)));
        }
    }
    rows
}

/// What a configuration wants checked.
fn wanted(config: &Config) -> BTreeSet<Checked> {
    checked(config).map(|wanted| wanted.id()).collect()
}

/// A backend that is to be checked.
struct Wanted<'a> {
    service: &'a Service,
    of_pool: PooledBackend<'a>,
    check: &'a Arc<Check>,
}

impl Wanted<'_> {
    fn id(&self) -> Checked {
        (self.service.id, self.of_pool.backend.address)
    }
}

/// Each backend that is checked.
fn checked(config: &Config) -> impl Iterator<Item = Wanted<'_>> {
    config.desired.services.iter().flat_map(move |service| {
        let check = move |of_pool: PooledBackend<'_>| config.checks.of(service, of_pool.backend.address);
        let backends = service.backends_by_pool();
        backends.filter_map(move |of_pool| Some(Wanted { service, of_pool, check: check(of_pool)? }))
    })
}

fn targets(config: &Config, numbers: &Numbers) -> Vec<Target> {
    let target = |wanted: Wanted<'_>| {
        let BackendKey { pool, backend } = wanted.of_pool.key();
        let service = wanted.service;
        Some(Target {
            id: wanted.id(),
            number: numbers.of(&wanted.id())?,
            service: service.name.clone(),
            pool,
            backend,
            forward: service.forward,
            check: Arc::clone(wanted.check),
        })
    };
    checked(config).filter_map(target).collect()
}

/// The backends that say themselves what they can take, each once.
fn agents(config: &Config) -> Vec<AgentTarget> {
    let mut targets = BTreeMap::new();
    for of_pool in config.desired.of_each_list().flat_map(Service::backends_by_pool) {
        let Some(check) = config.checks.agents.get(of_pool.pool) else { continue };
        targets.entry((of_pool.pool, &of_pool.backend.name)).or_insert_with(|| AgentTarget {
            key: of_pool.key(),
            address: of_pool.backend.address,
            check: Arc::clone(check),
        });
    }
    targets.into_values().collect()
}

/// Rows of the smallest table: few backends more need no other one.
const LEAST_ROWS: u32 = 256;

/// How long after a failure the link is laid again.
const RETRY_AFTER: Duration = Duration::from_secs(5);
