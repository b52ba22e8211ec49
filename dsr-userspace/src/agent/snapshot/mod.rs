//! The agent's state at one moment, for those who read: status, metrics, `explain`, `check` and traces.
//!
//! It is published after each event and shares everything with the state that it was taken from, so that it costs next
//! to nothing. A reader works on it in a thread of its own: however long that takes, the agent goes on.

mod explain;
mod health;
pub(super) mod live;
mod preview;
mod report;
mod status;
mod surroundings;
mod trace;

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf, sync::Arc};

use dsr_common::trace::TraceFilter;

use self::live::Live;
pub(super) use self::trace::check_vip;
use crate::{
    agent::{
        program::{RetiredCounters, features, sizes},
        state::Intent,
    },
    api::view::StatusFinding,
    arpwatch,
    config::Config,
    datapath::{Features, Maps, Mode, Pins},
    health::{AgentReports, HealthDecision, Reader},
    metrics::Reloads,
    model::{Desired, Network, ServiceId},
    reconcile::{Layout, Sizes},
    tunnel_errors::ErrorCounts,
};

/// The state at one moment. What checks, backends and other hosts report, and the maps, are read live.
pub(super) struct Snapshot<T = Maps> {
    pub(super) config: Arc<Config>,
    pub(super) intent: Arc<Intent>,
    pub(super) network: Arc<Network>,
    pub(super) decision: Arc<HealthDecision>,
    pub(super) checks: Reader,
    pub(super) reports: AgentReports,
    /// The live tables.
    pub(super) maps: Arc<T>,
    pub(super) layout: Arc<Layout>,
    pub(super) reloads: Reloads,
    /// Why the file on disk is not in force, while it is not.
    pub(super) refusal: Option<StatusFinding>,
    /// The members that get no new flows, each with whether it has none left.
    pub(super) drained: Arc<BTreeMap<(ServiceId, IpAddr), bool>>,
    pub(super) retired_counters: Arc<RetiredCounters>,
    /// The interfaces and ports that the program was told of, and the name in the configuration that each counts for.
    pub(super) entered: Arc<BTreeMap<u32, String>>,
    pub(super) claims: arpwatch::Claims,
    pub(super) tunnel_errors: ErrorCounts,
    /// The interfaces that have the program, and how.
    pub(super) attached: BTreeMap<String, Mode>,
    pub(super) features: Features,
    pub(super) trace: Option<TraceFilter>,
    /// Nothing where nothing is pinned.
    pub(super) pins: Option<Arc<Pins>>,
}

impl Snapshot {
    /// The pin that should be there and is not, if there is one.
    pub(super) fn missing_pin(&self) -> Option<PathBuf> {
        let link = |(name, mode): (&String, &Mode)| Some((self.network.interfaces.get(name)?.ifindex, *mode));
        self.pins.as_ref()?.missing(self.attached.iter().filter_map(link))
    }
}

impl<T: Live> Snapshot<T> {
    /// Whether another configuration takes a program with other parts.
    pub(super) fn needs_other_program(&self, config: &Config) -> bool {
        let by_source = self.features.source.then_some(&*self.maps);
        features(config, &self.network, by_source) != self.features
    }

    /// The tables of a program that is loaded anew for a configuration.
    pub(super) fn sizes_for(&self, config: &Config, desired: &Desired) -> Sizes {
        sizes(config, desired, Some(self.maps.sizes()))
    }
}

#[cfg(test)]
mod tests;
