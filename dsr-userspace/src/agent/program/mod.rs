//! The program in the kernel: loaded for what is wanted, filled by plans, attached, pinned, and continued from what another
//! agent left.
//!
//! Enters: the state, and what of it is dirty. Leaves: tables and attachments that agree with it, and where services are in
//! the tables. It decides nothing about backends, and tells only the log.

mod attaching;
mod ending;
mod heartbeat;
mod interfaces;
mod loading;
mod next_hop_log;
mod pinning;
mod planning;
mod reconciling;
mod retired_counters;
mod spec;
mod takeover;
mod trace;
mod transitions;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    path::Path,
    sync::Arc,
};

use dsr_common::trace::TraceFilter;

use self::{
    attaching::Unattached,
    next_hop_log::NextHopLog,
    spec::ProgramSpec,
    transitions::{Transitions, tick_seconds},
};
pub(super) use self::{
    ending::Ending,
    heartbeat::beat,
    next_hop_log::{REMEDY as NEXT_HOP_REMEDY, ungrouped},
    retired_counters::RetiredCounters,
    spec::{features, sizes},
};
use crate::{
    agent::{Error, state::State},
    config::Config,
    datapath::{ClaimEvents, Datapath, Features, Maps, Mode, Pins, Predecessor},
    model::ServiceId,
    reconcile::Layout,
};

/// The loaded program.
pub(super) struct Program {
    datapath: Datapath,
    pub(super) layout: Arc<Layout>,
    transitions: Transitions,
    pub(super) pins: Arc<Pins>,
    ending: Ending,
    /// Whether another agent's program was taken over.
    took_over: bool,
    pub(super) retired_counters: Arc<RetiredCounters>,
    /// The interfaces and ports that the program was told of, and the name in the configuration that each counts for.
    pub(super) entered: Arc<BTreeMap<u32, String>>,
    pub(super) features: Features,
    /// What the running trace tells of.
    pub(super) trace: Option<TraceFilter>,
    /// The services whose next hops are more than the program has room for, as was told.
    next_hops: NextHopLog,
    /// The rows of the device map, by index of the interface.
    devices: BTreeMap<u32, u32>,
    /// The configuration's interfaces that are gone, as was told.
    gone: BTreeSet<String>,
    /// What the program was loaded with.
    seed: u64,
    /// The interfaces without the program.
    unattached: Unattached,
    /// Why the pins that somebody removed cannot be restored, as was told.
    unpinned: Option<String>,
}

impl Program {
    /// Loads the program and attaches it. What an agent left that is gone is taken over as it is, without a gap.
    pub(super) fn start(state: &State, pins: &Path, ending: Ending) -> Result<Self, Error> {
        let pins = Arc::new(Pins::open(pins)?);
        let seed = state.config.desired.hash_seed;
        let mut predecessor = Predecessor::find(&pins, &state.network.interfaces, seed)?;
        let spec = ProgramSpec { state, trace: None, pins: &pins, ending: &ending };
        let features = spec.features(predecessor.tables.as_ref().filter(|_| predecessor.keep.is_some()));
        let datapath = spec.first(&mut predecessor).inspect_err(|_| spec.roll_back_start(&predecessor))?;
        let mut program = Self {
            datapath,
            layout: Arc::default(),
            transitions: Transitions::begin(tick_seconds(&state.config.desired), predecessor.tick_seconds),
            took_over: predecessor.tables.is_some() || predecessor.is_other_layout,
            pins,
            ending,
            retired_counters: Arc::default(),
            entered: Arc::default(),
            features,
            trace: None,
            next_hops: NextHopLog::default(),
            devices: BTreeMap::new(),
            gone: BTreeSet::new(),
            seed,
            unattached: Unattached::new(),
            unpinned: None,
        };
        program.transitions.restamp(&mut program.datapath);
        Ok(program)
    }

    /// Detaches the program; nothing is left of it.
    pub(super) fn stop(&mut self) -> Result<(), Error> {
        Ok(self.datapath.detach()?)
    }

    /// After a start that came to nothing: what was not there before is not there any more.
    pub(super) fn roll_back_start(&mut self) {
        if !self.took_over
            && let Err(error) = self.stop()
        {
            tracing::warn!(%error, "the program stays attached: `dsr detach` removes it");
        }
    }

    /// Whether the program can serve a configuration that comes in the place of `other` without being loaded anew.
    pub(super) fn suits(&self, config: &Config, other: &Config) -> bool {
        self.seed == config.desired.hash_seed
            && other.interfaces() == config.interfaces()
            && other.flow_table == config.flow_table
    }

    /// The maps, for those who read them and for what must not wait for this task.
    pub(super) fn maps(&self) -> Arc<Maps> {
        self.datapath.maps()
    }

    /// The interfaces that have the program, and how.
    pub(super) fn modes(&self, state: &State) -> BTreeMap<String, Mode> {
        let mode = |name: String| self.datapath.mode(&name).map(|mode| (name, mode));
        self.attached(state).into_iter().filter_map(mode).collect()
    }

    /// The members that get no new flows, each with whether it has none left.
    pub(super) fn drained(&self) -> Arc<BTreeMap<(ServiceId, IpAddr), bool>> {
        Arc::clone(&self.transitions.drained)
    }

    /// The claims to VIPs that the program tells of, where they were not taken yet.
    pub(super) fn take_claims(&mut self) -> Option<ClaimEvents> {
        self.datapath.take_claims()
    }

    fn spec<'a>(&'a self, state: &'a State) -> ProgramSpec<'a> {
        ProgramSpec { state, trace: self.trace.as_ref(), pins: &self.pins, ending: &self.ending }
    }
}

#[cfg(test)]
mod tests;
