//! What is wanted and what is known: file, overrides, agent reports, health and network, and which services an event has
//! touched. Pure: no kernel, no clock but for the time of an override.

mod difference;
mod index;
mod intent;
mod overrides;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use self::{difference::Version, intent::is_there};
pub(super) use self::{
    index::Index,
    intent::{Intent, Since},
};
use crate::{
    config::Config,
    health::{HealthDecision, ReportedState, ServiceDecision, State as CheckState, decide_service},
    model::{BackendKey, Cause, Checked, Checks, Network, Override, PooledBackend, Service},
    reconcile::{self, Goal},
};

/// The desired state and what is known of the world.
pub(super) struct State {
    pub(super) config: Arc<Config>,
    /// What an operator and the backends want beside it.
    pub(super) intent: Arc<Intent>,
    pub(super) network: Arc<Network>,
    /// What backends may get by what is said of them.
    pub(super) decision: Arc<HealthDecision>,
    pub(super) index: Index,
    pub(super) dirty: Dirty,
}

/// What the program does not know yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Dirty {
    /// What is to be planned.
    pub(super) plan: reconcile::Dirty,
    /// Services whose health is to be decided anew.
    undecided: BTreeSet<usize>,
    /// Whether the configuration is another.
    pub(super) config: bool,
    /// Whether interfaces, ports or VLANs are others.
    pub(super) links: bool,
    /// Backends' addresses that are reached in another way, or no longer.
    pub(super) reach: BTreeSet<IpAddr>,
}

impl State {
    pub(super) fn new(config: Config, network: Network) -> Self {
        let index = Index::of(&config.desired);
        let undecided = (0..config.desired.services.len()).collect();
        let plan = reconcile::Dirty::all(&config.desired);
        let dirty = Dirty { plan, undecided, config: true, links: true, reach: BTreeSet::new() };
        Self {
            config: Arc::new(config),
            intent: Arc::default(),
            network: Arc::new(network),
            decision: Arc::default(),
            index,
            dirty,
        }
    }

    /// What the tables are to agree with.
    pub(super) fn goal<'a>(&'a self, devices: &'a BTreeMap<u32, u32>) -> Goal<'a> {
        let desired = &self.config.desired;
        let weights = self.intent.weights();
        Goal { desired, weights, network: &self.network, health: &self.decision.health, devices }
    }

    /// What the program does not know yet, once it was applied.
    pub(super) fn take_dirty(&mut self) -> Dirty {
        std::mem::take(&mut self.dirty)
    }

    /// Everything is to be planned.
    pub(super) fn soil_all(&mut self) {
        self.dirty.plan = reconcile::Dirty::all(&self.config.desired);
    }

    /// Another configuration; gives the one that it replaces.
    pub(super) fn exchange_config(&mut self, config: Arc<Config>) -> Arc<Config> {
        let old = std::mem::replace(&mut self.config, config);
        let old_intent = Arc::clone(&self.intent);
        let old_index = std::mem::replace(&mut self.index, Index::of(&self.config.desired));
        Arc::make_mut(&mut self.intent).follow(&self.config.desired, &self.index);
        let before = Version { config: &old, intent: &old_intent };
        let after = Version { config: &self.config, intent: &self.intent };
        let changed = difference::services(before, after, &old_index);
        // What was to be done already, at the places that the services have now.
        let place = |at: &usize| self.index.place(old.desired.services.get(*at)?.id);
        let left = |places: &BTreeSet<usize>| places.iter().filter_map(place).collect::<BTreeSet<_>>();
        let mut dirty = Dirty { config: true, ..std::mem::take(&mut self.dirty) };
        (dirty.plan.services, dirty.undecided) = (left(&dirty.plan.services), left(&dirty.undecided));
        dirty.plan.services.extend(&changed.services);
        dirty.plan.table |= changed.table;
        dirty.undecided.extend(&changed.services);
        dirty.undecided.extend(&changed.checks);
        self.dirty = dirty;
        for id in changed.gone {
            Arc::make_mut(&mut self.decision).set(id, ServiceDecision::default());
        }
        old
    }

    /// Another view of the network; gives the one that it replaces.
    pub(super) fn exchange_network(&mut self, network: Arc<Network>) -> Arc<Network> {
        let old = std::mem::replace(&mut self.network, network);
        let now = &self.network;
        self.dirty.links |= (&old.interfaces, &old.ports, &old.vlans, &old.vlan_tags)
            != (&now.interfaces, &now.ports, &now.vlans, &now.vlan_tags);
        for address in difference::reach(&old, now) {
            self.dirty.plan.services.extend(self.index.of_address(address));
            self.dirty.reach.insert(address);
        }
        old
    }

    /// Follows what an operator says of a backend of a pool, or, with nothing said, the file again; whether there is one.
    pub(super) fn set_override(&mut self, backend: &BackendKey, said: Option<Override>) -> bool {
        let desired = &self.config.desired;
        if !is_there(desired, &self.index, backend) {
            return false;
        }
        Arc::make_mut(&mut self.intent).set_override(backend.clone(), said, desired, &self.index);
        self.soil_pool(&backend.pool);
        true
    }

    /// Takes in what backends say of themselves.
    pub(super) fn hear(&mut self, said: BTreeMap<BackendKey, ReportedState>) {
        if self.intent.is_new(&said) {
            for pool in Arc::make_mut(&mut self.intent).hear(said, &self.config.desired, &self.index) {
                self.soil_pool(&pool);
            }
        }
    }

    fn soil_pool(&mut self, pool: &str) {
        let services = self.index.of_pool(pool);
        self.dirty.plan.services.extend(services);
        // How many are up depends on who has a weight.
        self.dirty.undecided.extend(services);
    }

    /// The checks of these may stand otherwise than before.
    pub(super) fn rechecked(&mut self, checked: impl IntoIterator<Item = Checked>) {
        let places = checked.into_iter().filter_map(|(service, _)| self.index.place(service));
        self.dirty.undecided.extend(places);
    }

    /// Decides what backends may get of the services that were touched. `checks` tells how a check stands. Gives the
    /// services that use other backends than usual where they did not before, or the other way round.
    pub(super) fn decide(&mut self, checks: impl Fn(&Checked) -> CheckState) -> Vec<Turn> {
        let mut turns = Vec::new();
        for place in std::mem::take(&mut self.dirty.undecided) {
            let service = &self.config.desired.services[place];
            let decided = self.decision_for(service, &checks);
            let before = self.decision.of(service.id);
            if before == decided {
                continue;
            }
            turns.push(Turn {
                place,
                before: [before.overridden, before.on_fallback],
                now: [decided.overridden, decided.on_fallback],
            });
            Arc::make_mut(&mut self.decision).set(service.id, decided);
            self.dirty.plan.services.insert(place);
        }
        turns
    }

    fn decision_for(&self, service: &Service, checks: &impl Fn(&Checked) -> CheckState) -> ServiceDecision {
        let backends = self.intent.weights().backends(service);
        let all = &self.config.checks;
        decide_service(service, backends, all, |of, backend| standing(&self.intent, all, of, backend, checks))
    }
}

/// A service whose use of backends may have changed: whether all are used although too few are up, and whether its fallback
/// serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// Its place.
    pub(super) place: usize,
    pub(super) before: [bool; 2],
    pub(super) now: [bool; 2],
}

/// How a backend of a pool stands, seen from a service, by its check and its own word.
pub(super) fn standing(
    intent: &Intent,
    checks: &Checks,
    service: &Service,
    of_pool: PooledBackend<'_>,
    read: impl Fn(&Checked) -> CheckState,
) -> CheckState {
    let address = of_pool.backend.address;
    let checked = checks.of(service, address).map(|_| read(&(service.id, address)));
    match checked.unwrap_or(CheckState::Up) {
        CheckState::Up if intent.reports_down(of_pool) => CheckState::Down(Cause::ReportedDown),
        state => state,
    }
}
