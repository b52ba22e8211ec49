//! What the agent balances with: configuration, network and program, and the one way in which they are made to agree.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    path::Path,
    sync::Arc,
};

use dsr_common::trace::TraceFilter;

use super::{
    Error,
    attaching::Unattached,
    intent::Intent,
    loops::LoopLog,
    program_spec::ProgramSpec,
    reach::ReachLog,
    reload::Refusal,
    retired_counters::RetiredCounters,
    transitions::{Transitions, tick_seconds},
};
use crate::{
    announce::{self, Announcer},
    arpwatch::{ArpWatch, View},
    config::Config,
    datapath::{Datapath, Features, Pins, Predecessor},
    health::{AgentReports, HealthDecision, Reader, State, decide},
    metrics::Reloads,
    model::Network,
    reconcile::{Full, Keep, Layout, apply},
    tasks::Tasks,
};

/// Everything that makes packets go where they shall.
pub(super) struct Balancer {
    pub(super) config: Arc<Config>,
    /// What the configuration and the operator want together.
    pub(super) intent: Arc<Intent>,
    pub(super) network: Arc<Network>,
    /// What backends may get by what is said of them.
    pub(super) decision: Arc<HealthDecision>,
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
    reach: ReachLog,
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
    pub(super) fn start(config: Config, network: Network, pins: &Path, tasks: &Tasks) -> Result<Self, Error> {
        let announcer = Announcer::start(tasks).map_err(Error::Announce)?;
        let arp_watch = ArpWatch::start(tasks).map_err(Error::Announce)?;
        let pins = Arc::new(Pins::open(pins)?);
        let seed = config.desired.hash_seed;
        let mut predecessor = Predecessor::find(&pins, &network.interfaces, seed)?;
        let (intent, took_over) = (Intent::of(&config), predecessor.tables.is_some() || predecessor.is_other_layout);
        // Nothing is known of any backend: all but those of fallbacks are used.
        let first = decide(&intent.desired.services, &config.checks, |_, _| State::Up).health;
        let begun = ProgramSpec {
            config: &config,
            intent: &intent,
            network: &network,
            health: &first,
            trace: None,
            pins: &pins,
        };
        let features = begun.features(predecessor.tables.as_ref().filter(|_| predecessor.keep.is_some()));
        let started = begun.first(&mut predecessor).inspect_err(|_| begun.roll_back_start(&predecessor));
        let datapath = started?;
        let transitions = Transitions::begin(tick_seconds(&intent.desired), predecessor.tick_seconds);
        let (reloads, reach, loops) = <(Reloads, ReachLog, LoopLog)>::default();
        let mut balancer = Self {
            config: Arc::new(config),
            intent: Arc::new(intent),
            network: Arc::new(network),
            decision: Arc::default(),
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
        balancer.transitions.restamp(&mut balancer.datapath);
        if let Err(error) = balancer.reconcile() {
            balancer.roll_back_start();
            return Err(error);
        }
        tracing::info!(
            interfaces = balancer.config.interfaces().join(","),
            vips = balancer.config.vips().len(),
            services = balancer.config.desired.services.len(),
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

    /// Follows a change of the network.
    pub(super) fn observe(&mut self, network: Network) -> Result<(), Error> {
        self.network = Arc::new(network);
        self.reconcile()
    }

    /// Takes over another configuration, and with it the network as other interfaces show it; or, if that fails, goes
    /// on with what it has.
    pub(super) fn adopt(&mut self, config: Config, network: Option<Network>) -> Result<(), Error> {
        let network = network.map_or_else(|| Arc::clone(&self.network), Arc::new);
        let (old_config, old_network) = self.exchange(Arc::new(config), network);
        let result = self.take_over(&old_config);
        if result.is_err() {
            let (refused, _) = self.exchange(old_config, old_network);
            // What was done of it before it failed is undone.
            if let Err(error) = self.take_over(&refused) {
                tracing::error!(%error, "the previous configuration could not be fully restored");
            }
        }
        result
    }

    fn exchange(&mut self, config: Arc<Config>, network: Arc<Network>) -> (Arc<Config>, Arc<Network>) {
        Arc::make_mut(&mut self.intent).follow(&config);
        (std::mem::replace(&mut self.config, config), std::mem::replace(&mut self.network, network))
    }

    /// Makes everything agree with a configuration that came in the place of `other`.
    fn take_over(&mut self, other: &Config) -> Result<(), Error> {
        let is_same = self.seed == self.config.desired.hash_seed
            && other.interfaces() == self.config.interfaces()
            && other.flow_table == self.config.flow_table;
        if !is_same {
            self.decide();
            self.rebuild(None)?;
        }
        self.transitions.set_tick(tick_seconds(&self.intent.desired), &mut self.datapath);
        self.reconcile()
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn count_reload(&mut self, ok: bool) {
        *(if ok { &mut self.reloads.ok } else { &mut self.reloads.error }) += 1;
    }

    /// Makes the program's tables and attachments agree with configuration and network.
    pub(super) fn reconcile(&mut self) -> Result<(), Error> {
        self.decide();
        if self.spec().features(self.by_source()) != self.features {
            self.rebuild(None)?;
        }
        let mut devices = self.enter_interfaces()?;
        let mut planned = self.spec().plan(&devices, &self.datapath);
        while let Err(full) = planned {
            tracing::info!("{full}: reloading the program with larger tables");
            self.rebuild(Some(full))?;
            devices = self.enter_interfaces()?;
            planned = self.spec().plan(&devices, &self.datapath);
        }
        let plan = planned?;
        self.datapath.add_vlan_lists(&self.intent.desired)?;
        apply(&plan.changes, &mut self.datapath);
        self.datapath.drop_vlan_lists(&self.intent.desired)?;
        tracing::debug!(changes = plan.changes.len(), "reconciled");
        self.layout = Arc::new(plan.layout);
        // An interface that cannot be attached is no reason to leave out the others.
        let attached = self.attach_missing();
        self.tell_of_gone();
        self.reach.update(&self.config.desired, &self.network);
        self.announce();
        self.watch();
        attached
    }

    /// Loads the program anew, with tables and constants for what is wanted now, and puts it in the old one's place
    /// without a gap. What the old one has in its tables and what it counted is carried over. Until that has worked,
    /// nothing is taken from the old one.
    fn rebuild(&mut self, full: Option<Full>) -> Result<(), Error> {
        let seed = self.config.desired.hash_seed;
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
        fresh.finish(seed, tick_seconds(&self.intent.desired))?;
        fresh.replace(&mut self.datapath, &kept)?;
        (self.features, self.seed) = (self.spec().features(Some(&self.datapath)), seed);
        let gone = std::mem::replace(&mut self.datapath, fresh);
        Arc::make_mut(&mut self.retired_counters).add_lost_claims(gone.lost_claims()?);
        Ok(self.datapath.finish_takeover(Some(&gone))?)
    }

    fn spec(&self) -> ProgramSpec<'_> {
        let Self { config, intent, network, decision, trace, pins, .. } = self;
        ProgramSpec { config, intent, network, health: &decision.health, trace: trace.as_ref(), pins }
    }

    /// The tables, where there may be slots that the client alone picks.
    fn by_source(&self) -> Option<&Datapath> {
        self.features.source.then_some(&self.datapath)
    }

    /// Claims to VIPs: what to ask for, whose MAC is whose, and which program is listened to.
    fn watch(&mut self) {
        let mut view = View::new(&self.config, &self.network);
        // Ports too, whose frames count for their bond.
        view.interfaces.extend((*self.entered).clone());
        self.arp_watch.set_view(view);
        if let Some(events) = self.datapath.take_claims() {
            self.arp_watch.listen(events);
        }
    }

    /// An interface without the program would draw traffic that nothing forwards.
    pub(super) fn announce(&self) {
        let vips: BTreeSet<IpAddr> = self.config.desired.announced_vips().collect();
        let names = self.attached();
        let active = vips.iter().flat_map(|vip| names.iter().map(|name| (*vip, name.as_str())));
        self.announcer.set_claims(announce::claims(active, &self.network.interfaces));
    }
}
