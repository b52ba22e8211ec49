//! The agent's state at one moment, for those who read: status, metrics, `explain`, `check` and traces.
//!
//! It is published after each event and shares everything with the state that it was taken from, so that it costs next
//! to nothing. A reader works on it in a thread of its own: however long that takes, the agent goes on.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use dsr_common::trace::TraceFilter;

use super::{
    balancer::Balancer, intent::Intent, program_spec::ProgramSpec, reload::Refusal, retired_counters::RetiredCounters,
};
use crate::{
    arpwatch,
    config::Config,
    datapath::{self, Features, Maps, Mode, Pins, Traffic},
    health::{AgentReports, HealthDecision, Reader},
    metrics::Reloads,
    model::{Desired, Network, ServiceId},
    reconcile::{Layout, PlacedService, Sizes, Tables},
};

/// The state at one moment. What checks, backends and other hosts report, and the maps, are read live.
#[derive(Clone)]
pub(super) struct Snapshot {
    pub(super) config: Arc<Config>,
    pub(super) intent: Arc<Intent>,
    pub(super) network: Arc<Network>,
    pub(super) decision: Arc<HealthDecision>,
    pub(super) checks: Reader,
    pub(super) reports: AgentReports,
    pub(super) maps: Arc<Maps>,
    pub(super) layout: Arc<Layout>,
    pub(super) reloads: Reloads,
    /// Why the file on disk is not in force, while it is not.
    pub(super) refusal: Option<Arc<Refusal>>,
    /// The members that get no new flows, each with whether it has none left.
    pub(super) drained: Arc<BTreeMap<(ServiceId, IpAddr), bool>>,
    pub(super) retired_counters: Arc<RetiredCounters>,
    /// The interfaces and ports that the program was told of, and the name in the configuration that each counts for.
    pub(super) entered: Arc<BTreeMap<u32, String>>,
    pub(super) claims: arpwatch::Claims,
    /// The interfaces that have the program, and how.
    pub(super) attached: BTreeMap<String, Mode>,
    pub(super) features: Features,
    pub(super) trace: Option<TraceFilter>,
    pub(super) pins: Arc<Pins>,
}

impl Balancer {
    /// The state now.
    pub(super) fn snapshot(&self) -> Snapshot {
        let attached: BTreeSet<String> = self.attached();
        let mode = |name: String| self.datapath.mode(&name).map(|mode| (name, mode));
        Snapshot {
            config: Arc::clone(&self.state.config),
            intent: Arc::clone(&self.state.intent),
            network: Arc::clone(&self.state.network),
            decision: Arc::clone(&self.state.decision),
            checks: self.checks.clone(),
            reports: self.reports.clone(),
            maps: self.datapath.maps(),
            layout: Arc::clone(&self.layout),
            reloads: self.reloads,
            refusal: self.refusal.clone(),
            drained: Arc::clone(&self.transitions.drained),
            retired_counters: Arc::clone(&self.retired_counters),
            entered: Arc::clone(&self.entered),
            claims: self.arp_watch.claims(),
            attached: attached.into_iter().filter_map(mode).collect(),
            features: self.features,
            trace: self.trace,
            pins: Arc::clone(&self.pins),
        }
    }
}

impl Snapshot {
    /// What the program is loaded for.
    pub(super) fn spec(&self) -> ProgramSpec<'_> {
        let Self { config, intent, network, decision, trace, pins, .. } = self;
        ProgramSpec { config, intent, network, health: &decision.health, trace: trace.as_ref(), pins }
    }

    /// Whether another configuration takes a program with other parts.
    pub(super) fn needs_other_program(&self, config: &Config) -> bool {
        let by_source = self.features.source.then_some(&*self.maps);
        ProgramSpec { config, ..self.spec() }.features(by_source) != self.features
    }

    /// The tables of a program that is loaded anew for a configuration.
    pub(super) fn sizes_for(&self, config: &Config, desired: &Desired) -> Sizes {
        ProgramSpec { config, ..self.spec() }.sizes(desired, Some(Tables::sizes(&*self.maps)))
    }
}

/// The traffic of a service's members, in their order: they are close together, so that they are read at once.
pub(super) fn traffic_of(maps: &Maps, placed: &PlacedService) -> Result<Vec<Traffic>, datapath::Error> {
    let rows = || placed.members.iter().map(|member| member.row);
    let (Some(first), Some(last)) = (rows().min(), rows().max()) else { return Ok(Vec::new()) };
    let all = maps.traffic_of(first..last + 1)?;
    Ok(rows().map(|row| all.get((row - first) as usize).copied().unwrap_or_default()).collect())
}
