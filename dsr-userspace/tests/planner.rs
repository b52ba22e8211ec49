//! Drives the planner through random histories and looks at the tables after each single change.
#![allow(missing_docs, clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU16,
};

use dsr::{
    model::{
        Affinity, Announce, Backend, Condition, Desired, FlowTimeout, Forward, Health, Hop, Mac, Network, NoHop,
        OnAgentDeath, OnEmpty, Protocol, Reach, RoutedPath, Service, ServiceId, Weight,
    },
    reconcile::{Change, InMemory, MemberRowId, Sizes, Tables, apply, plan},
};
use dsr_common::{
    address::{Address, Family},
    hash::{HashKeys, Keys as _},
    limits::{SERVICE_PROBES, SLOTS_PER_BLOCK},
    service::{ServiceKey, ServiceRow},
};
use proptest::prelude::*;

const SEED: u64 = 0x5eed;
const IFINDEX: u32 = 3;
const SIZES: Sizes = Sizes { services: 64, members: 1024, blocks: 4096, established_sets: 64, embryonic_sets: 64 };
const BACKENDS: std::ops::Range<u8> = 1..40;

/// One moment of a history: weights by backend for each service, who does not answer, what checks say, and a part of
/// all MACs.
#[derive(Clone, Debug, Default)]
struct Moment {
    pools: BTreeMap<u8, BTreeMap<u8, u16>>,
    unreachable: BTreeSet<u8>,
    checks: BTreeMap<u8, Condition>,
    macs: u8,
}

fn histories() -> impl Strategy<Value = Vec<Moment>> {
    let weight = prop_oneof![Just(0), Just(100), 1_u16..=1000];
    let pool = prop::collection::btree_map(BACKENDS, weight, 0..25);
    let pools = prop::collection::btree_map(0_u8..6, pool, 0..5);
    let unreachable = prop::collection::btree_set(BACKENDS, 0..6);
    let condition = prop_oneof![Just(Condition::Down), Just(Condition::Draining)];
    let checks = prop::collection::btree_map(BACKENDS, condition, 0..8);
    let moment = (pools, unreachable, checks, 0_u8..3).prop_map(|(pools, unreachable, checks, macs)| Moment {
        pools,
        unreachable,
        checks,
        macs,
    });
    prop::collection::vec(moment, 1..8)
}

fn backend_address(n: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, n)
}

fn words(ip: IpAddr) -> Address {
    let IpAddr::V4(ip) = ip else { panic!("only IPv4 here") };
    Address::from_v4(ip.octets())
}

fn row_id(service: &Service) -> (Address, ServiceKey) {
    let id = service.id;
    (
        words(id.vip),
        ServiceKey::exact(Family::V4, id.protocol.number().unwrap(), id.port.number().unwrap().get().to_be()),
    )
}

impl Moment {
    fn desired(&self) -> Desired {
        let backend = |(n, weight): (&u8, &u16)| Backend {
            name: format!("b{n}"),
            address: backend_address(*n).into(),
            weight: Weight::new(*weight).unwrap(),
        };
        let service = |(id, pool): (&u8, &BTreeMap<u8, u16>)| Service {
            name: format!("s{id}"),
            // Two services share a VIP now and then.
            id: ServiceId {
                vip: Ipv4Addr::new(192, 0, 2, id / 2).into(),
                protocol: if id % 2 == 0 { Protocol::Tcp } else { Protocol::Udp },
                port: NonZeroU16::new(80).unwrap().into(),
            },
            announce: Announce::Arp,
            vlans: None,
            on_empty: OnEmpty::Drop,
            on_agent_death: OnAgentDeath::Keep,
            affinity: Affinity::default(),
            flow_timeout: FlowTimeout::default(),
            return_timeout: Some(FlowTimeout::default()),
            pool: format!("p{id}"),
            fallback: None,
            forward: Forward::L2,
            backends: pool.iter().map(backend).collect(),
        };
        Desired { hash_seed: SEED, services: self.pools.iter().map(service).collect() }
    }

    fn network(&self) -> Network {
        let reach = BACKENDS.map(|n| {
            let hop = Hop {
                ifindex: IFINDEX,
                source: Mac([2, 0, 0, 0, 0, 1]),
                destination: Mac([2, 0, 0, self.macs, 1, n]),
                tags: Vec::new(),
                path: RoutedPath::default(),
            };
            let no = Reach::No(NoHop::NoNeighbour(backend_address(n).into()));
            (backend_address(n).into(), if self.unreachable.contains(&n) { no } else { Reach::Hop(hop) })
        });
        Network { reach: reach.collect(), ..Network::default() }
    }

    /// What the checks say is the same for all services.
    fn health(&self) -> Health {
        let services = self.desired().services;
        let of = |service: &Service| {
            let id = service.id;
            self.checks.iter().map(move |(n, condition)| ((id, backend_address(*n).into()), *condition))
        };
        services.iter().flat_map(of).collect()
    }

    /// The backends of a service that can be sent to.
    fn usable(&self, id: (Address, ServiceKey)) -> BTreeSet<Address> {
        let desired = self.desired();
        let service = desired.services.iter().find(|s| row_id(s) == id);
        let backends = service.map(|s| s.backends.to_vec()).unwrap_or_default();
        let down: BTreeSet<IpAddr> = self
            .unreachable
            .iter()
            .chain(self.checks.iter().filter(|(_, c)| **c == Condition::Down).map(|(n, _)| n))
            .map(|n| backend_address(*n).into())
            .collect();
        backends.iter().filter(|b| !down.contains(&b.address)).map(|b| words(b.address)).collect()
    }
}

/// The search that the program makes.
fn search(tables: &InMemory, vip: Address, key: ServiceKey) -> Option<ServiceRow> {
    let first = HashKeys::from_seed(SEED).service(vip, key);
    (0..SERVICE_PROBES)
        .map(|step| tables.service(first.wrapping_add(step) & (SIZES.services - 1)))
        .take_while(|row| row.key != ServiceKey::EMPTY)
        .find(|row| row.key == key && row.vip == vip)
}

/// The backend that each slot of a service leads to.
fn owners(tables: &InMemory, service: &ServiceRow) -> Vec<Option<Address>> {
    let first = service.table.block() * SLOTS_PER_BLOCK;
    let owner = |slot: u32| {
        let number = tables.slot(first + slot).member()?;
        assert!(u32::from(number) < service.members.capacity(), "a slot names a member outside its service");
        let row = tables.member(MemberRowId::of(service.members, number));
        assert_eq!(row.family, 4, "a slot names an unused row");
        Some(row.backend)
    };
    (0..service.table.size()).map(owner).collect()
}

fn live_services(tables: &InMemory) -> Vec<ServiceRow> {
    (0..SIZES.services).map(|row| tables.service(row)).filter(|row| row.table.size() > 0).collect()
}

/// What must hold after every single change on the way from one moment to the next.
fn check(tables: &InMemory, before: &Moment, after: &Moment) {
    let (mut members, mut blocks) = (BTreeMap::new(), BTreeMap::new());
    for service in live_services(tables) {
        members.insert(service.members.base(), service.members.capacity());
        blocks.insert(service.table.block(), service.table.size().div_ceil(SLOTS_PER_BLOCK));
        let id = (service.vip, service.key);
        let (old, new) = (before.usable(id), after.usable(id));
        for owner in owners(tables, &service).into_iter().flatten().collect::<BTreeSet<_>>() {
            assert!(old.contains(&owner) || new.contains(&owner), "a slot leads to a backend that was never usable");
        }
    }
    for runs in [members, blocks] {
        for (a, b) in runs.iter().zip(runs.iter().skip(1)) {
            assert!(a.0 + a.1 <= *b.0, "two services share rows: {a:?} and {b:?}");
        }
    }
}

fn advance(tables: &mut InMemory, before: &Moment, after: &Moment) {
    let devices = BTreeMap::from([(IFINDEX, 0)]);
    let (desired, network, health) = (after.desired(), after.network(), after.health());
    let planned = plan(&desired, &network, &health, &devices, tables).unwrap();
    for change in &planned.changes {
        apply(std::slice::from_ref(change), tables);
        check(tables, before, after);
    }
    assert_eq!(
        plan(&desired, &network, &health, &devices, tables).unwrap().changes,
        Vec::<Change>::new(),
        "not idempotent"
    );
    assert_eq!(live_services(tables).len(), desired.services.len(), "a service that is not desired is still there");
    let mut fresh = InMemory::new(SIZES);
    apply(&plan(&desired, &network, &health, &devices, &fresh).unwrap().changes, &mut fresh);
    for (service, placed) in desired.services.iter().zip(&planned.layout.services) {
        let (vip, key) = row_id(service);
        let owners = owners(tables, &search(tables, vip, key).expect("a service cannot be found"));
        let from_nothing = self::owners(&fresh, &search(&fresh, vip, key).unwrap());
        assert_eq!(owners, from_nothing, "the table depends on history");
        assert!(search(tables, vip, ServiceKey::vip(Family::V4)).is_some(), "a VIP cannot be found");
        for (backend, member) in service.backends.iter().zip(&placed.members) {
            let row = tables.member(member.row);
            assert_eq!(row.backend, words(backend.address));
            assert_eq!(row.mode != 0, member.reachable);
            let condition = health.of(service.id, backend.address);
            assert!(condition != Condition::Down || row.mode == 0, "a backend that is down is sent to");
            assert!(condition == Condition::Up || member.slots == 0, "a backend that is not up has slots");
            assert!(row.mode == 0 || row.link[3] == after.macs, "an old MAC is left");
            assert_eq!(owners.iter().filter(|o| **o == Some(row.backend)).count(), member.slots as usize);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    #[test]
    fn every_step_of_every_plan_is_safe(history in histories()) {
        let mut tables = InMemory::new(SIZES);
        let mut before = Moment::default();
        for moment in history {
            advance(&mut tables, &before, &moment);
            before = moment;
        }
    }
}

#[test]
fn full_tables_are_an_error_that_names_the_table() {
    let pool = (1..=20).map(|n| (n, 100)).collect();
    let moment = Moment { pools: BTreeMap::from([(0, pool)]), ..Moment::default() };
    let error = |sizes| {
        let tables = InMemory::new(sizes);
        plan(&moment.desired(), &moment.network(), &Health::default(), &BTreeMap::new(), &tables)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(error(Sizes { members: 8, ..SIZES }), "the member table is full");
    assert_eq!(error(Sizes { blocks: 8, ..SIZES }), "the slot table is full");
}
