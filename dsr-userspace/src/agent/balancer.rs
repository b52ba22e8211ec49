//! What the agent balances with: its state, the program, and what tells the network and the operator of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    path::Path,
    sync::Arc,
};

use dsr_common::trace::TraceFilter;

use super::{
    Error,
    notifier::{loops::LoopLog, reach::ReachLog},
    program::{
        attaching::Unattached,
        retired_counters::RetiredCounters,
        spec::ProgramSpec,
        transitions::{Transitions, tick_seconds},
    },
    reload::Refusal,
    signals::Ending,
    state::State,
};
use crate::{
    announce::{self, Announcer},
    arpwatch::{ArpWatch, View},
    config::Config,
    datapath::{Datapath, Features, Pins, Predecessor},
    health::{AgentReports, Reader, State as CheckState},
    metrics::Reloads,
    model::Network,
    reconcile::{Full, Keep, Layout},
    tasks::Tasks,
};

/// Everything that decides where packets go.
pub(super) struct Balancer {
    pub(super) state: State,
    pub(super) checks: Reader,
    /// What backends say themselves.
    pub(super) reports: AgentReports,
    pub(super) datapath: Datapath,
    pub(super) layout: Arc<Layout>,
    pub(super) reloads: Reloads,
    /// Why the file on disk is not in force, while it is not.
    pub(super) refusal: Option<Arc<Refusal>>,
    pub(super) loops: LoopLog,
    pub(super) transitions: Transitions,
    pub(super) pins: Arc<Pins>,
    pub(super) ending: Ending,
    /// Whether another agent's program was taken over.
    took_over: bool,
    pub(super) retired_counters: Arc<RetiredCounters>,
    pub(super) arp_watch: ArpWatch,
    /// The interfaces and ports that the program was told of, and the name in the configuration that each counts for.
    pub(super) entered: Arc<BTreeMap<u32, String>>,
    pub(super) features: Features,
    /// What the running trace tells of.
    pub(super) trace: Option<TraceFilter>,
    announcer: Announcer,
    /// The interfaces that VIPs are announced on, as last said.
    pub(super) announced: Option<BTreeSet<String>>,
    pub(super) reach: ReachLog,
    /// The rows of the device map, by index of the interface.
    pub(super) devices: BTreeMap<u32, u32>,
    /// The configuration's interfaces that are gone, as was told.
    pub(super) gone: BTreeSet<String>,
    /// What the program was loaded with.
    seed: u64,
    /// The interfaces without the program.
    pub(super) unattached: Unattached,
    /// Why the pins that somebody removed cannot be restored, as was told.
    pub(super) unpinned: Option<String>,
}

impl Balancer {
    /// Loads the program, fills its tables, attaches it and announces the VIPs. What an agent left that is gone is taken
    /// over as it is, without a gap.
    pub(super) fn start(
        config: Config,
        network: Network,
        pins: &Path,
        tasks: &Tasks,
        ending: Ending,
    ) -> Result<Self, Error> {
        let announcer = Announcer::start(tasks).map_err(Error::Announce)?;
        let arp_watch = ArpWatch::start(tasks).map_err(Error::Announce)?;
        let pins = Arc::new(Pins::open(pins)?);
        let seed = config.desired.hash_seed;
        let mut predecessor = Predecessor::find(&pins, &network.interfaces, seed)?;
        let took_over = predecessor.tables.is_some() || predecessor.is_other_layout;
        let mut state = State::new(config, network);
        // Nothing is known of any backend: all but those of fallbacks are used.
        let turns = state.decide(|_| CheckState::Up);
        let begun = ProgramSpec::of(&state, None, &pins, &ending);
        let features = begun.features(predecessor.tables.as_ref().filter(|_| predecessor.keep.is_some()));
        let started = begun.first(&mut predecessor).inspect_err(|_| begun.roll_back_start(&predecessor));
        let datapath = started?;
        let transitions = Transitions::begin(tick_seconds(&state.config.desired), predecessor.tick_seconds);
        let (reloads, reach, loops) = <(Reloads, ReachLog, LoopLog)>::default();
        let mut balancer = Self {
            state,
            devices: BTreeMap::new(),
            announced: None,
            checks: Reader::default(),
            reports: AgentReports::default(),
            datapath,
            layout: Arc::default(),
            reloads,
            refusal: None,
            gone: BTreeSet::new(),
            loops,
            transitions,
            pins,
            ending,
            took_over,
            retired_counters: Arc::default(),
            arp_watch,
            entered: Arc::default(),
            features,
            trace: None,
            announcer,
            reach,
            seed,
            unattached: Unattached::new(),
            unpinned: None,
        };
        balancer.tell(turns);
        balancer.transitions.restamp(&mut balancer.datapath);
        if let Err(error) = balancer.reconcile() {
            balancer.roll_back_start();
            return Err(error);
        }
        tracing::info!(
            interfaces = balancer.state.config.interfaces().join(","),
            vips = balancer.state.config.vips().len(),
            services = balancer.state.config.desired.services.len(),
            "balancing"
        );
        Ok(balancer)
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

    /// Follows a change of the network; gives the addresses that are reached otherwise than before too.
    pub(super) fn observe(&mut self, network: Network) -> (BTreeSet<IpAddr>, Result<(), Error>) {
        self.state.exchange_network(Arc::new(network));
        // An interface may have come in another one's place.
        let all = || self.state.config.desired.backend_addresses();
        let changed = if self.state.dirty.links { all() } else { self.state.dirty.reach.clone() };
        (changed, self.reconcile())
    }

    /// Takes over another configuration, and with it the network as other interfaces show it; or, if that fails, goes
    /// on with what it has.
    pub(super) fn adopt(&mut self, config: Config, network: Option<Network>) -> Result<(), Error> {
        let network = network.map_or_else(|| Arc::clone(&self.state.network), Arc::new);
        let (old_config, old_network) = self.exchange(Arc::new(config), network);
        let result = self.take_over(&old_config);
        if result.is_err() {
            let (refused, _) = self.exchange(old_config, old_network);
            // What was done of it before it failed is undone.
            match self.take_over(&refused) {
                // The tables are as they were: the agent ends with them, or with nothing.
                Ok(()) | Err(Error::Interrupted) => {}
                Err(error) => tracing::error!(%error, "the previous configuration could not be fully restored"),
            }
        }
        result
    }

    fn exchange(&mut self, config: Arc<Config>, network: Arc<Network>) -> (Arc<Config>, Arc<Network>) {
        (self.state.exchange_config(config), self.state.exchange_network(network))
    }

    /// Makes everything agree with a configuration that came in the place of `other`.
    fn take_over(&mut self, other: &Config) -> Result<(), Error> {
        let is_same = self.seed == self.state.config.desired.hash_seed
            && other.interfaces() == self.state.config.interfaces()
            && other.flow_table == self.state.config.flow_table;
        if !is_same {
            self.decide();
            self.rebuild(None)?;
        }
        self.transitions.set_tick(tick_seconds(&self.state.config.desired), &mut self.datapath);
        self.reconcile()
    }

    pub(super) fn config(&self) -> &Config {
        &self.state.config
    }

    pub(super) fn count_reload(&mut self, ok: bool) {
        *(if ok { &mut self.reloads.ok } else { &mut self.reloads.error }) += 1;
    }

    /// Loads the program anew, with tables and constants for what is wanted now, and puts it in the old one's place
    /// without a gap. What the old one has in its tables and what it counted is carried over. Until that has worked,
    /// nothing is taken from the old one.
    pub(super) fn rebuild(&mut self, full: Option<Full>) -> Result<(), Error> {
        let seed = self.state.config.desired.hash_seed;
        let keep = if seed == self.seed { Keep::Everything } else { Keep::Members };
        if keep == Keep::Members {
            tracing::warn!("hash_seed changed: nearly every flow moves to another backend");
        }
        // The numbers of loads go on, and the new one shares maps with the old one.
        self.restore_pins();
        let kept = self.attached();
        // An interface that could not be attached before does not make the load fail: it is tried again afterwards.
        let left_out = kept.iter().chain(self.unattached.keys()).cloned().collect();
        let mut fresh = self.spec().load(Some((&self.datapath, keep)), &left_out, full)?;
        fresh.finish(seed, tick_seconds(&self.state.config.desired))?;
        fresh.replace(&mut self.datapath, &kept)?;
        (self.features, self.seed) = (self.spec().features(Some(&self.datapath)), seed);
        let gone = std::mem::replace(&mut self.datapath, fresh);
        Arc::make_mut(&mut self.retired_counters).add_lost_claims(gone.lost_claims()?);
        // What it has in its tables is gone through once.
        self.state.soil_all();
        self.transitions.look_at_all(&self.state.config.desired);
        Ok(self.datapath.finish_takeover(Some(&gone))?)
    }

    pub(super) fn spec(&self) -> ProgramSpec<'_> {
        ProgramSpec::of(&self.state, self.trace.as_ref(), &self.pins, &self.ending)
    }

    /// The tables, where there may be slots that the client alone picks.
    pub(super) fn by_source(&self) -> Option<&Datapath> {
        self.features.source.then_some(&self.datapath)
    }

    /// Claims to VIPs: what to ask for, whose MAC is whose, and which program is listened to.
    pub(super) fn watch(&mut self) {
        let mut view = View::new(&self.state.config, &self.state.network);
        // Ports too, whose frames count for their bond.
        view.interfaces.extend((*self.entered).clone());
        self.arp_watch.set_view(view);
    }

    /// An interface without the program would draw traffic that nothing forwards.
    pub(super) fn announce(&mut self) {
        let vips: BTreeSet<IpAddr> = self.state.config.desired.announced_vips().collect();
        let names = self.attached();
        let active = vips.iter().flat_map(|vip| names.iter().map(|name| (*vip, name.as_str())));
        self.announcer.set_claims(announce::claims(active, &self.state.network.interfaces));
        self.announced = Some(names);
    }
}
