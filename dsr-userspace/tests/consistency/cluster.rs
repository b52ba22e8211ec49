//! One random history: pools that change, flows, and what the program's tables hold.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU16,
};

use dsr::{
    model::{
        Affinity, Announce, Backend, Desired, FlowTimeout, Forward, Health, Hop, Mac, Network, NoHop, OnAgentDeath,
        OnEmpty, Protocol, Reach, RoutedPath, Service, ServiceId, Weight,
    },
    reconcile::{InMemory, MemberRowId, Sizes, Tables, advance, apply, entries, plan},
};
use dsr_common::{
    address::{Address, Family},
    hash::split_mix,
    limits::SLOTS_PER_BLOCK,
    service::{FLAG_REMEMBER, FLAG_SOURCE, ServiceKey, ServiceRow, TableRef},
    track::WAYS,
};

use super::program::{Hashes, Outcome, Packet, select};

const SEED: u64 = 0x5eed;
const IFINDEX: u32 = 3;
const TIMEOUT_SECONDS: u64 = 40;
const TICK_SECONDS: u32 = 8;
/// Ticks without a packet after which a flow may be forgotten.
const TIMEOUT_TICKS: u64 = TIMEOUT_SECONDS / TICK_SECONDS as u64;
const SERVICES: u8 = 2;
/// Clients that the flows are of.
const CLIENTS: u64 = 1 << 12;
/// Enough for a table of the second size and beyond.
const BACKENDS: u8 = 14;

/// A flow as its client knows it.
#[derive(Clone, Debug)]
struct Flow {
    service: u8,
    hash: Hashes,
    backend: Address,
    /// The flow clock at its last packet.
    seen: u64,
}

pub(crate) struct Cluster {
    random: u64,
    affinity: Affinity,
    /// Services that pick slots by the client instead.
    by_source: BTreeSet<u8>,
    /// Whether flows of a backend that cannot be reached are kept.
    returns: bool,
    tables: InMemory,
    /// Weights by backend, for each service.
    pools: BTreeMap<u8, BTreeMap<u8, u16>>,
    unreachable: BTreeSet<u8>,
    macs: u8,
    flows: Vec<Flow>,
    pub(crate) checked: u64,
    pub(crate) remembered: u64,
    pub(crate) evicted: u64,
    pub(crate) step: u64,
    pub(crate) resized: u64,
    /// Flows whose backend came back.
    pub(crate) returned: u64,
    /// Changes of how slots are picked.
    pub(crate) repicked: u64,
}

impl Cluster {
    pub(crate) fn new(seed: u64, affinity: Affinity, established_sets: u32) -> Self {
        let sizes =
            Sizes { services: 64, members: 256, blocks: 1200, established_sets, embryonic_sets: established_sets };
        let mut cluster = Self {
            random: seed,
            affinity,
            by_source: BTreeSet::new(),
            returns: !seed.is_multiple_of(4),
            tables: InMemory::new(sizes),
            pools: BTreeMap::new(),
            unreachable: BTreeSet::new(),
            macs: 0,
            flows: Vec::new(),
            checked: 0,
            remembered: 0,
            evicted: 0,
            step: 0,
            resized: 0,
            returned: 0,
            repicked: 0,
        };
        // The clock may go round while flows are remembered.
        cluster.tables.clock = cluster.below(1 << 17);
        for service in 0..SERVICES {
            let first = 8 + cluster.below(4) as u8;
            cluster.pools.insert(service, (1..=first).map(|backend| (backend, 100)).collect());
        }
        cluster.reconcile();
        cluster
    }

    fn below(&mut self, bound: u64) -> u64 {
        split_mix(&mut self.random) % bound
    }

    /// Something happens.
    pub(crate) fn step(&mut self, what: u64) {
        match what % 16 {
            0 => self.tick(),
            1 => (0..self.below(2 * TIMEOUT_TICKS)).for_each(|_| self.tick()),
            2..=4 => self.change(),
            5..=8 => (0..self.below(8)).for_each(|_| self.open()),
            9 => self.end(),
            _ => (0..self.below(16)).for_each(|_| self.go_on()),
        }
        self.check_stable_slots();
    }

    fn tick(&mut self) {
        self.tables.clock += 1;
        let step = advance(&self.desired(), &self.tables, TICK_SECONDS);
        self.step += step.changes.len() as u64;
        apply(&step.changes, &mut self.tables);
        for service in &step.services {
            for member in service.draining.iter().filter(|member| member.is_drained()) {
                self.check_drained(service.id, member.address);
            }
        }
    }

    fn change(&mut self) {
        let service = self.below(SERVICES.into()) as u8;
        let backend = 1 + self.below(BACKENDS.into()) as u8;
        let weight = [0, 0, 1, 50, 100, 100, 1000][self.below(7) as usize];
        let kind = self.below(9);
        let pool = self.pools.get_mut(&service).unwrap();
        match kind {
            0 | 1 => drop(pool.remove(&backend)),
            2 => self.macs += 1,
            3 => drop(self.unreachable.insert(backend)),
            4 => {
                let back = self.unreachable.pop_first().map(|back| Address::from_v4([10, 0, 0, back]));
                self.returned += self.flows.iter().filter(|flow| Some(flow.backend) == back).count() as u64;
            }
            8 if self.affinity.tracks(Protocol::Tcp) => {
                if !self.by_source.remove(&service) {
                    self.by_source.insert(service);
                }
                self.repicked += 1;
            }
            5 => pool.values_mut().for_each(|weight| *weight = 0),
            _ => drop(pool.insert(backend, weight)),
        }
        self.reconcile();
    }

    fn reconcile(&mut self) {
        self.end_the_dead();
        let (desired, network) = (self.desired(), self.network());
        let devices = BTreeMap::from([(IFINDEX, 0)]);
        let planned = plan(&desired, &network, &Health::default(), &devices, &self.tables).unwrap();
        // Packets come in between.
        for change in &planned.changes {
            apply(std::slice::from_ref(change), &mut self.tables);
            if self.below(4) == 0 {
                self.go_on();
            }
        }
        let again = plan(&desired, &network, &Health::default(), &devices, &self.tables).unwrap();
        assert_eq!(again.changes, [], "not idempotent");
        self.resized += u64::from((0..64).any(|row| self.tables.old_table(row).size() > 0));
    }

    /// A new flow.
    fn open(&mut self) {
        let service = self.below(SERVICES.into()) as u8;
        let (mut client, whole) = (self.below(CLIENTS), split_mix(&mut self.random));
        let hash = Hashes { whole, client: split_mix(&mut client) };
        let outcome = self.select(service, hash, Packet::Syn);
        if let Some(row) = outcome.row {
            let backend = self.tables.member(row).backend;
            let drained = self.tables.member(row).flags != 0;
            assert!(!drained, "a new flow goes to a member that drains");
            self.flows.push(Flow { service, hash, backend, seen: self.tables.clock() });
        }
    }

    /// The next packet of a flow; now and then its first one again.
    fn go_on(&mut self) {
        let Some(last) = self.flows.len().checked_sub(1) else { return };
        let index = self.below(last as u64 + 1) as usize;
        let flow = self.flows[index].clone();
        let outcome = self.select(flow.service, flow.hash, Packet::Data);
        // Another packet of the same flow may have been forgotten for one of this one: then it is not there any more.
        let Some(index) = self.flows.iter().position(|other| other.hash == flow.hash) else { return };
        let is_lost = is_among(&self.unreachable, flow.backend);
        if is_lost || self.tables.clock() - flow.seen > TIMEOUT_TICKS {
            self.flows.swap_remove(index);
            return;
        }
        let backend = outcome.row.map(|row| self.tables.member(row).backend);
        assert_eq!(backend, Some(flow.backend), "a flow goes to another member: {flow:?}");
        self.checked += 1;
        self.remembered += u64::from(self.current(flow.service, flow.hash) != Some(flow.backend));
        self.flows[index].seen = self.tables.clock();
    }

    /// The last packet of a flow.
    fn end(&mut self) {
        self.go_on();
        if let Some(last) = self.flows.len().checked_sub(1) {
            let index = self.below(last as u64 + 1) as usize;
            self.flows.swap_remove(index);
        }
    }

    fn select(&mut self, service: u8, hash: Hashes, packet: Packet) -> Outcome {
        let Some(number) = self.row_of(service) else { return Outcome::default() };
        let outcome = select(&mut self.tables, number, hash, packet);
        self.evicted += outcome.evicted.len() as u64;
        let sets = self.tables.sizes().established_sets;
        for (set, entry) in &outcome.evicted {
            let is_of = |flow: &Flow| {
                [TableRef::new(0, 1, 0), TableRef::new(0, 1, FLAG_SOURCE)]
                    .iter()
                    .any(|table| entry.is_of(flow.hash.of(*table)))
            };
            self.flows.retain(|flow| !(is_of(flow) && flow.hash.whole as u32 & (sets - 1) == *set));
        }
        outcome
    }

    /// Flows whose backend is gone are over; so are those of an unreachable backend whose return is not awaited.
    fn end_the_dead(&mut self) {
        let lives = |service: &u8, backend: Address| {
            let mut backends = self.pools[service].keys();
            backends.any(|other| Address::from_v4([10, 0, 0, *other]) == backend)
        };
        let waits = |backend| self.returns || !is_among(&self.unreachable, backend);
        self.flows.retain(|flow| lives(&flow.service, flow.backend) && waits(flow.backend));
    }

    /// In a stable slot nothing is stored.
    fn check_stable_slots(&self) {
        let services = (0..SERVICES).filter_map(|service| Some(self.tables.service(self.row_of(service)?)));
        let services: Vec<ServiceRow> = services.filter(|row| row.table.flags() & FLAG_REMEMBER == 0).collect();
        for (place, entry) in entries(&self.tables) {
            let row = MemberRowId::of_flow(entry);
            let owner = services.iter().find(|service| row.number_in(service.members).is_some());
            let Some(service) = owner else { continue };
            let slot = self.tables.slot(service.table.block() * SLOTS_PER_BLOCK + entry.slot(service.table));
            assert!(slot.is_tracked(), "{place:?} is of a stable slot");
            assert!(place.index / (WAYS as u32) < self.tables.sizes().established_sets);
        }
    }

    /// No flow is left of what is drained, but for those that were silent too long.
    fn check_drained(&self, id: ServiceId, address: IpAddr) {
        let IpAddr::V4(address) = address else { panic!("only IPv4 here") };
        let flows = self.flows.iter().filter(|flow| service_id(flow.service) == id);
        let its = |flow: &&Flow| flow.backend == Address::from_v4(address.octets());
        let left = flows.filter(its).find(|flow| self.tables.clock() - flow.seen <= TIMEOUT_TICKS);
        assert!(left.is_none(), "{address} is said to be drained and has {left:?}");
    }

    /// Who a new flow with this hash would go to.
    fn current(&self, service: u8, hash: Hashes) -> Option<Address> {
        let row = self.tables.service(self.row_of(service)?);
        let hash = hash.of(row.table);
        let slot = self.tables.slot(row.table.block() * SLOTS_PER_BLOCK + row.table.slot(hash));
        Some(self.tables.member(MemberRowId::of(row.members, slot.member()?)).backend)
    }

    fn row_of(&self, service: u8) -> Option<u32> {
        let IpAddr::V4(vip) = service_id(service).vip else { panic!("only IPv4 here") };
        let key = ServiceKey::exact(Family::V4, 6, 80_u16.to_be());
        let is_it = |row: &u32| {
            let found = self.tables.service(*row);
            found.key == key && found.vip == Address::from_v4(vip.octets())
        };
        (0..self.tables.sizes().services).find(is_it)
    }

    fn desired(&self) -> Desired {
        let services = self.pools.iter().map(|(number, pool)| Service {
            name: format!("s{number}"),
            id: service_id(*number),
            announce: Announce::Arp,
            vlans: None,
            on_empty: OnEmpty::Drop,
            on_agent_death: OnAgentDeath::Keep,
            affinity: if self.by_source.contains(number) { Affinity::Source } else { self.affinity },
            flow_timeout: FlowTimeout::from_seconds(TIMEOUT_SECONDS).unwrap(),
            return_timeout: FlowTimeout::from_seconds(TIMEOUT_SECONDS).filter(|_| self.returns),
            pool: format!("p{number}"),
            fallback: None,
            forward: Forward::L2,
            backends: pool.iter().map(|(backend, weight)| backend_of(*backend, *weight)).collect(),
        });
        Desired { hash_seed: SEED, services: services.collect() }
    }

    fn network(&self) -> Network {
        let reach = (1..=BACKENDS).map(|backend| {
            let address = backend_of(backend, 0).address;
            let hop = Hop {
                ifindex: IFINDEX,
                source: Mac([2, 0, 0, 0, 0, 1]),
                destination: Mac([2, 0, 0, self.macs, 1, backend]),
                tags: Vec::new(),
                path: RoutedPath::default(),
            };
            let reach = if self.unreachable.contains(&backend) {
                Reach::No(NoHop::NoNeighbour(address))
            } else {
                Reach::Hop(hop)
            };
            (address, reach)
        });
        Network { reach: reach.collect(), ..Network::default() }
    }
}

fn is_among(backends: &BTreeSet<u8>, backend: Address) -> bool {
    backends.iter().any(|other| Address::from_v4([10, 0, 0, *other]) == backend)
}

fn service_id(service: u8) -> ServiceId {
    ServiceId {
        vip: Ipv4Addr::new(192, 0, 2, service).into(),
        protocol: Protocol::Tcp,
        port: NonZeroU16::new(80).unwrap().into(),
    }
}

fn backend_of(backend: u8, weight: u16) -> Backend {
    Backend {
        name: format!("b{backend}"),
        address: Ipv4Addr::new(10, 0, 0, backend).into(),
        weight: Weight::new(weight).unwrap(),
    }
}
