//! A plan for what is dirty is the plan for everything, whatever has happened before.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::Arc,
};

use proptest::prelude::*;

use super::transitions::Transitions;
use crate::{
    agent::state::{Dirty, State, standing},
    config::{self, Config},
    health::{ReportedState, State as CheckState, decide},
    model::{
        AgentReport, BackendKey, Cause, Checked, Hop, InterfaceState, Mac, Network, NoHop, Override, PooledBackend,
        Reach, RoutedPath, Service, Weight,
    },
    reconcile::{self, InMemory, Layout, Sizes, TransitionStep, advance, advance_some, apply, plan_dirty},
};

/// What happens to an agent.
#[derive(Clone, Debug)]
enum Event {
    /// Another file.
    Reload(File),
    /// An operator's word on a backend of a pool.
    Override { pool: u8, backend: u8, said: Option<u16> },
    /// What a backend says of itself: its percentage, and whether it is down.
    Report { pool: u8, backend: u8, percent: u16, down: bool },
    /// How a check of a service's backend stands.
    Check { service: u8, backend: u8, cause: Option<Cause> },
    /// Who does not answer, a part of all MACs, and the index of the interface.
    Network { silent: BTreeSet<u8>, mac: u8, ifindex: u32 },
    /// Time, in ticks of the flow clock.
    Time(u8),
}

/// Weights of the backends of each pool, and each service with its pool and whether it remembers all flows.
#[derive(Clone, Debug)]
struct File {
    pools: BTreeMap<u8, BTreeMap<u8, u16>>,
    services: BTreeMap<u8, (u8, bool)>,
    fallback: bool,
    checked: bool,
}

const POOLS: u8 = 3;
const BACKENDS: std::ops::Range<u8> = 1..9;
const SERVICES: u8 = 6;

impl File {
    fn config(&self) -> Config {
        let mut text = "interfaces: [eth0]\nhash_seed: 7\npools:\n".to_owned();
        for pool in 0..POOLS {
            let _ = writeln!(text, "  p{pool}:");
            if self.fallback && pool == 0 {
                text.push_str("    fallback: p2\n");
            }
            if self.checked {
                let least = if pool == 1 { ", min_healthy: 2" } else { "" };
                let _ = writeln!(text, "    health: {{tcp: {{}}{least}}}");
            }
            text.push_str("    backends:\n");
            // A fallback has other backends than the pool; none is without one.
            let weights = self.pools.get(&pool).filter(|pool| !pool.is_empty()).cloned();
            for (backend, weight) in weights.unwrap_or_else(|| BTreeMap::from([(1, 100)])) {
                let address = address(pool, backend);
                let _ = writeln!(text, "      - {{name: p{pool}b{backend}, address: {address}, weight: {weight}}}");
            }
        }
        text.push_str("services:\n  - {name: always, vip: 192.0.2.1, port: 80, pool: p0}\n");
        for (service, (pool, remember)) in &self.services {
            let affinity = if *remember { "flow" } else { "auto" };
            let vip = format!("192.0.2.{}", 10 + service / 2);
            let _ = writeln!(
                text,
                "  - {{name: s{service}, vip: {vip}, port: {}, pool: p{pool}, affinity: {affinity}}}",
                80 + service
            );
        }
        config::parse(&text, Path::new("dsr.yaml")).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
    }
}

fn address(pool: u8, backend: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, pool, backend).into()
}

fn network(silent: &BTreeSet<u8>, mac: u8, ifindex: u32) -> Network {
    let interface = InterfaceState { ifindex, mac: Mac([2; 6]), mtu: 1500, up: true };
    let reach = (0..POOLS).flat_map(|pool| BACKENDS.map(move |backend| (pool, backend))).map(|(pool, backend)| {
        let (address, destination) = (address(pool, backend), Mac([2, 0, 0, mac, pool, backend]));
        let hop = Hop { path: RoutedPath::default(), ifindex, source: Mac([2; 6]), destination, tags: Vec::new() };
        (address, if silent.contains(&backend) { Reach::No(NoHop::NoNeighbour(address)) } else { Reach::Hop(hop) })
    });
    let interfaces = BTreeMap::from([("eth0".to_owned(), interface)]);
    Network { interfaces, reach: reach.collect(), ..Network::default() }
}

/// An agent without a kernel.
struct Agent {
    state: State,
    devices: BTreeMap<u32, u32>,
    tables: InMemory,
    layout: Layout,
    transitions: Transitions,
    reports: BTreeMap<BackendKey, ReportedState>,
    checks: BTreeMap<Checked, CheckState>,
}

impl Agent {
    fn new(file: &File) -> Self {
        let sizes = Sizes { services: 256, members: 4096, blocks: 4096, established_sets: 1, embryonic_sets: 1 };
        Self {
            state: State::new(file.config(), network(&BTreeSet::new(), 0, 3)),
            devices: BTreeMap::new(),
            tables: InMemory::new(sizes),
            layout: Layout::default(),
            transitions: Transitions::begin(1, 0),
            reports: BTreeMap::new(),
            checks: BTreeMap::new(),
        }
    }

    fn happens(&mut self, event: Event) {
        let name =
            |pool: u8, backend: u8| BackendKey { pool: format!("p{pool}"), backend: format!("p{pool}b{backend}") };
        match event {
            Event::Reload(file) => _ = self.state.exchange_config(Arc::new(file.config())),
            Event::Override { pool, backend, said } => {
                self.state.set_override(&name(pool, backend), said.and_then(Weight::new).map(Override::Weight));
            }
            Event::Report { pool, backend, percent, down } => {
                let report = AgentReport { percent, drains: false, is_down: down };
                self.reports.insert(name(pool, backend), ReportedState { report, answers: Some(true) });
                self.state.hear(self.reports.clone());
            }
            Event::Check { service, backend, cause } => {
                let services = &self.state.config.desired.services;
                let service = &services[usize::from(service) % services.len()];
                let backend = &service.backends[usize::from(backend) % service.backends.len()];
                let id = (service.id, backend.address);
                self.checks.insert(id, cause.map_or(CheckState::Up, CheckState::Down));
                self.state.rechecked([id]);
            }
            Event::Network { silent, mac, ifindex } => {
                self.state.exchange_network(Arc::new(network(&silent, mac, ifindex)));
            }
            Event::Time(ticks) => self.tables.clock += u64::from(ticks),
        }
    }

    fn reconcile(&mut self) {
        let checks = self.checks.clone();
        self.state.decide(|id| checks.get(id).copied().unwrap_or_default());
        let devices = self.state.network.interfaces.values().map(|state| (state.ifindex, 0)).collect();
        if self.devices != devices {
            self.devices = devices;
            self.state.soil_all();
        }
        let (goal, dirty) = (self.state.goal(&self.devices), &self.state.dirty.plan);
        let some = plan_dirty(&goal, dirty, &self.tables).unwrap();
        let all = plan_dirty(&goal, &reconcile::Dirty::all(goal.desired), &self.tables).unwrap();
        assert_eq!(some.changes, all.changes, "a service is not known to be dirty; known are {dirty:?}");
        apply(&some.changes, &mut self.tables);
        self.transitions.look_at(some.placed.iter().map(|(_, service)| service.id));
        if self.state.dirty.config {
            self.layout.follow(goal.desired);
            self.transitions.keep_only(&self.state.index);
        }
        some.placed.into_iter().for_each(|(place, service)| self.layout.set(place, service));
        let layout: Vec<_> = all.placed.into_iter().map(|(_, service)| Arc::new(service)).collect();
        assert_eq!(self.layout.services, layout);
        self.state.dirty = Dirty::default();
    }

    /// What was decided is what is decided of all services at once.
    fn check_decision(&self) {
        let (config, intent) = (&self.state.config, &self.state.intent);
        let desired = intent.with(&config.desired);
        let read = |id: &Checked| self.checks.get(id).copied().unwrap_or_default();
        let state =
            |service: &Service, backend: PooledBackend<'_>| standing(intent, &config.checks, service, backend, read);
        assert_eq!(*self.state.decision, decide(&desired.services, &config.checks, state));
    }

    /// A tick for services in transition is the tick for everything.
    fn tick(&mut self) {
        let desired = &self.state.config.desired;
        let places = self.transitions.places(&self.state.index);
        let some = advance_some(desired, places, &self.tables, 1);
        let TransitionStep { changes, services, .. } = advance(desired, &self.tables, 1);
        assert_eq!(some.changes, changes, "a service in transition is not looked at");
        apply(&some.changes, &mut self.tables);
        self.transitions.follow(&self.state, &some);
        let draining: BTreeMap<_, _> = services
            .iter()
            .flat_map(|seen| seen.draining.iter().map(|member| ((seen.id, member.address), member.is_drained())))
            .filter(|((id, address), _)| {
                self.state.decision.health.of(*id, *address) != crate::model::Condition::Standby
            })
            .collect();
        assert_eq!(*self.transitions.drained, draining);
    }
}

fn files() -> impl Strategy<Value = File> {
    let weight = prop_oneof![Just(0_u16), Just(100), 1_u16..=1000];
    let pools = prop::collection::btree_map(0..POOLS, prop::collection::btree_map(BACKENDS, weight, 1..6), 0..4);
    let services = prop::collection::btree_map(0..SERVICES, (0..POOLS, any::<bool>()), 0..6);
    (pools, services, any::<bool>(), prop::bool::weighted(0.75)).prop_map(|(pools, services, fallback, checked)| File {
        pools,
        services,
        fallback,
        checked,
    })
}

fn events() -> impl Strategy<Value = Event> {
    let cause = prop_oneof![Just(Cause::HostDown), Just(Cause::ApplicationDown)];
    let said = prop::option::of(prop_oneof![Just(0), 1_u16..=1000]);
    prop_oneof![
        2 => files().prop_map(Event::Reload),
        3 => (0..POOLS, BACKENDS, said).prop_map(|(pool, backend, said)| Event::Override { pool, backend, said }),
        2 => (0..POOLS, BACKENDS, 0_u16..=100, any::<bool>())
            .prop_map(|(pool, backend, percent, down)| Event::Report { pool, backend, percent, down }),
        5 => (0..=SERVICES, 0_u8..6, prop::option::of(cause))
            .prop_map(|(service, backend, cause)| Event::Check { service, backend, cause }),
        3 => (prop::collection::btree_set(BACKENDS, 0..4), 0_u8..2, prop_oneof![4 => Just(3), 1 => Just(4)])
            .prop_map(|(silent, mac, ifindex)| Event::Network { silent, mac, ifindex }),
        2 => (1_u8..200).prop_map(Event::Time),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Where a reconciliation fails, nothing is applied and all stays dirty: some events come without one.
    #[test]
    fn a_plan_for_what_is_dirty_is_the_plan_for_everything(
        file in files(),
        history in prop::collection::vec((events(), 0_u8..4), 1..14),
    ) {
        let mut agent = Agent::new(&file);
        agent.reconcile();
        for (event, fails) in history {
            agent.happens(event);
            if fails == 0 {
                continue;
            }
            agent.reconcile();
            agent.check_decision();
            agent.tick();
        }
    }
}
