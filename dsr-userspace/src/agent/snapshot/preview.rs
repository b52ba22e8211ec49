//! What another configuration would change: what `dsr check` shows beside its findings where an agent runs.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::Path,
};

use dsr_common::{
    address::Address,
    limits::SLOTS_PER_BLOCK,
    member::MemberRow,
    service::{FLAG_SOURCE, ServiceKey, ServiceRow},
    track::Entry,
};

use super::{Snapshot, live::Live};
use crate::{
    api::{
        Failure, Kind,
        view::{ChangeKind, ForwardView, Preview, PreviewRequest, ServiceChange},
    },
    config::{self, Config, SeedSource, Source},
    datapath::{memory, memory_of},
    model::{Desired, Health, Hop, Mac, Network, Reach, RoutedPath, Service},
    reconcile::{InMemory, MemberRowId, Sizes, Tables, apply, entries, keeps_flows, plan, service_key},
};

/// A backend as the tables have it: address and family.
type Owner = (Address, u8);

impl<T: Live> Snapshot<T> {
    /// Compares a configuration with what is live; changes nothing.
    pub(in crate::agent) fn preview(&self, request: &PreviewRequest) -> Result<Preview, Failure> {
        let config = read(request)?;
        let desired = self.intent.with(&config.desired);
        let network = with_all(&self.network, &desired, &self.config.desired);
        let health = self.decision_for(&desired.services, &config.checks).health;
        let after = tables_of(&desired, &network, &health)?;
        let loads_anew = self.reasons_to_load(&config, &desired, &network, &health);
        let sizes = if loads_anew.is_empty() { Tables::sizes(&*self.maps) } else { self.sizes_for(&config, &desired) };
        Ok(Preview {
            in_force: self.config.file.display().to_string(),
            loads_anew,
            bytes_before: bytes(Tables::sizes(&*self.maps)),
            bytes_after: bytes(sizes),
            services: self.changes(&desired, &after),
        })
    }

    fn reasons_to_load(&self, config: &Config, desired: &Desired, network: &Network, health: &Health) -> Vec<String> {
        let mut reasons = Vec::new();
        let live = &self.config;
        let mut reason = |is: bool, why: &str| reasons.extend(is.then(|| why.to_owned()));
        reason(config.interfaces() != live.interfaces(), "interfaces are others");
        reason(desired.hash_seed != live.desired.hash_seed, "hash_seed changes: nearly every flow moves");
        reason(config.flow_table != live.flow_table, "flow_table changes size");
        reason(self.needs_other_program(config), "the program needs other features");
        if reasons.is_empty()
            && let Err(full) = plan(desired, network, health, &devices(network), &*self.maps)
        {
            reasons.push(full.to_string());
        }
        reasons
    }

    fn changes(&self, desired: &Desired, after: &InMemory) -> Vec<ServiceChange> {
        let is_same_seed = desired.hash_seed == self.config.desired.hash_seed;
        let flows = self.flows_by_row();
        let live = rows(&*self.maps);
        let then = rows(after);
        let in_force: HashMap<_, _> =
            self.config.desired.services.iter().map(|service| (service.id, service)).collect();
        let mut changes = Vec::new();
        for service in &desired.services {
            let id = service_key(service.id);
            let before = live.get(&id).map(|row| ServiceTable::of(&*self.maps, *row));
            let next = then.get(&id).map(|row| ServiceTable::of(after, *row));
            let keeps = is_same_seed && keeps_flows(service);
            let change = change(service, before.as_ref(), next.as_ref(), Rule { keeps, is_same_seed }, &flows);
            let forward_before = in_force.get(&service.id).map(|service| self.forward_of(service));
            changes.push(ServiceChange { forward_before, forward_after: Some(self.forward_of(service)), ..change });
        }
        let stays: HashSet<_> = desired.services.iter().map(|service| service.id).collect();
        let goes = |service: &&Service| !stays.contains(&service.id);
        for service in self.config.desired.services.iter().filter(goes) {
            let before = live.get(&service_key(service.id)).map(|row| ServiceTable::of(&*self.maps, *row));
            let change = change(service, before.as_ref(), None, Rule { keeps: false, is_same_seed }, &flows);
            changes.push(ServiceChange { forward_before: Some(self.forward_of(service)), ..change });
        }
        changes
    }

    /// How packets reach the backends of a service, by the network as it is.
    fn forward_of(&self, service: &Service) -> ForwardView {
        let backends = service.backends.iter().map(|backend| backend.address);
        ForwardView::new(service.forward, backends.map(|address| (address, self.network.source_towards(address))))
    }

    /// What is remembered of flows, by the row of their member.
    fn flows_by_row(&self) -> HashMap<MemberRowId, Vec<Entry>> {
        let mut flows: HashMap<MemberRowId, Vec<Entry>> = HashMap::new();
        entries(&*self.maps).for_each(|(_, entry)| flows.entry(MemberRowId::of_flow(entry)).or_default().push(entry));
        flows
    }
}

/// Tables that hold nothing but what is desired.
fn tables_of(desired: &Desired, network: &Network, health: &Health) -> Result<InMemory, Failure> {
    let mut tables = InMemory::new(Sizes { established_sets: 1, embryonic_sets: 1, ..Sizes::for_desired(desired) });
    let planned = plan(desired, network, health, &devices(network), &tables).map_err(Failure::failed)?;
    apply(&planned.changes, &mut tables);
    Ok(tables)
}

/// The configuration that is asked about.
fn read(request: &PreviewRequest) -> Result<Config, Failure> {
    let included = request
        .included
        .iter()
        .map(|included| Source { path: Path::new(&included.file).into(), bytes: included.text.clone().into_bytes() });
    let config = config::parse_with(&request.text, Path::new(&request.file), included.collect());
    let mut config = config.map_err(|errors| Failure::new(Kind::Wrong, errors, "correct the file"))?;
    if config.seed_source == SeedSource::Absent {
        config.desired.hash_seed = request.hash_seed;
    }
    Ok(config)
}

/// The current network, with a path to each backend that it does not know yet, and an outer source for each backend that no
/// tunnel reaches so far: the agent has not looked these up.
fn with_all(network: &Network, desired: &Desired, live: &Desired) -> Network {
    let mut network = network.clone();
    let ifindex = network.interfaces.values().next().map_or(1, |state| state.ifindex);
    let mac = Mac([0; 6]);
    let asked = live.destinations().routed;
    let hop =
        || Reach::Hop(Hop { ifindex, source: mac, destination: mac, tags: Vec::new(), path: RoutedPath::default() });
    for address in desired.backend_addresses() {
        let reach = network.reach.entry(address).or_insert_with(hop);
        if let Reach::Hop(hop) = reach
            && !asked.contains(&address)
        {
            // Which one it is does not matter: it is of the backend's family.
            hop.path.source = Some(address);
        }
    }
    network
}

fn devices(network: &Network) -> BTreeMap<u32, u32> {
    let known = network.interfaces.values().map(|state| state.ifindex);
    let hops =
        network.reach.values().filter_map(|reach| if let Reach::Hop(hop) = reach { Some(hop.ifindex) } else { None });
    known.chain(hops).map(|ifindex| (ifindex, 0)).collect()
}

/// The rows of all services.
fn rows(tables: &impl Tables) -> HashMap<(Address, ServiceKey), ServiceRow> {
    let all = (0..tables.sizes().services).map(|row| tables.service(row));
    all.filter(|row| row.table.size() > 0).map(|row| ((row.vip, row.key), row)).collect()
}

/// The slots and members of a service in some tables.
struct ServiceTable {
    row: ServiceRow,
    /// Whose each slot is.
    slots: Vec<Option<Owner>>,
    /// The members that can be sent to, with their rows.
    members: HashMap<MemberRowId, Owner>,
}

impl ServiceTable {
    fn of(tables: &impl Tables, row: ServiceRow) -> Self {
        let rows = MemberRowId::of_service(row.members);
        let lives = |(_, member): &(MemberRowId, MemberRow)| member.mode != 0;
        let members = rows.map(|row| (row, tables.member(row))).filter(lives);
        let members: HashMap<MemberRowId, Owner> =
            members.map(|(row, member)| (row, (member.backend, member.family))).collect();
        let first = row.table.block() * SLOTS_PER_BLOCK;
        let owner = |index| {
            let number = tables.slot(index).member()?;
            members.get(&MemberRowId::of(row.members, number)).copied()
        };
        let slots = (first..first + row.table.size()).map(owner).collect();
        Self { row, slots, members }
    }

    /// The shares of the members.
    fn shares(&self) -> HashMap<Owner, f64> {
        let mut shares = HashMap::new();
        let share = 1.0 / self.slots.len().max(1) as f64;
        self.slots.iter().flatten().for_each(|owner| *shares.entry(*owner).or_insert(0.0) += share);
        shares
    }
}

/// How flows of a service pass from one state to the other.
#[derive(Clone, Copy)]
struct Rule {
    /// Flows stay where they are for as long as their backend lives.
    keeps: bool,
    /// The flows' hashes stay what they are.
    is_same_seed: bool,
}

fn change(
    service: &Service,
    before: Option<&ServiceTable>,
    after: Option<&ServiceTable>,
    rule: Rule,
    flows: &HashMap<MemberRowId, Vec<Entry>>,
) -> ServiceChange {
    let (moved, lost) = match (before, after) {
        (None, _) => (0.0, 0.0),
        (Some(_), None) => (1.0, 1.0),
        (Some(before), Some(after)) => {
            let moved = moved(before, after, rule);
            (moved, if rule.keeps { gone(before, after) } else { moved })
        }
    };
    let known = before.map_or((0, 0), |before| remembered(before, after, rule, flows, moved));
    let size = |state: Option<&ServiceTable>| state.map_or(0, |state| state.slots.len() as u32);
    ServiceChange {
        name: service.name.clone(),
        address: service.id.to_string(),
        kind: match (before, after) {
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
            _ if moved > 0.0 || lost > 0.0 => ChangeKind::Changed,
            _ => ChangeKind::Same,
        },
        forward_before: None,
        forward_after: None,
        slots_before: size(before),
        slots_after: size(after),
        moved,
        lost,
        flows: known.0,
        flows_lost: known.1,
        bytes_before: before.map_or(0, |state| memory_of(state.row)),
        bytes_after: after.map_or(0, |state| memory_of(state.row)),
    }
}

/// The share of all hashes that have another member.
fn moved(before: &ServiceTable, after: &ServiceTable, rule: Rule) -> f64 {
    let by_source = |state: &ServiceTable| state.row.table.flags() & FLAG_SOURCE;
    if !rule.is_same_seed || by_source(before) != by_source(after) {
        // Every flow is given its slot anew: it meets its backend again by chance.
        let shares = after.shares();
        return 1.0
            - before.shares().iter().map(|(owner, share)| share * shares.get(owner).unwrap_or(&0.0)).sum::<f64>();
    }
    let points = before.slots.len().max(after.slots.len());
    let at = |state: &ServiceTable, point: usize| state.slots[(2 * point + 1) * state.slots.len() / (2 * points)];
    let differ = (0..points).filter(|point| at(before, *point) != at(after, *point)).count();
    differ as f64 / points.max(1) as f64
}

/// The share of slots whose member is there no more.
fn gone(before: &ServiceTable, after: &ServiceTable) -> f64 {
    let living: HashSet<&Owner> = after.members.values().collect();
    let gone = before.slots.iter().flatten().filter(|owner| !living.contains(owner)).count();
    gone as f64 / before.slots.len().max(1) as f64
}

/// How many flows of the service are remembered, and how many of them lose their backend.
fn remembered(
    before: &ServiceTable,
    after: Option<&ServiceTable>,
    rule: Rule,
    flows: &HashMap<MemberRowId, Vec<Entry>>,
    moved: f64,
) -> (u64, u64) {
    let living: HashSet<&Owner> = after.iter().flat_map(|after| after.members.values()).collect();
    let mut all = 0;
    let mut lost = 0;
    for (row, owner) in &before.members {
        let entries = flows.get(row).map_or(&[][..], Vec::as_slice);
        all += entries.len() as u64;
        let stays = |entry: &&Entry| {
            let slot = after.and_then(|after| after.slots.get(entry.slot(after.row.table) as usize));
            living.contains(owner) && (rule.keeps || slot == Some(&Some(*owner)))
        };
        lost += entries.iter().filter(|entry| !stays(entry)).count() as u64;
    }
    // The hashes of another seed are not known of flows that have begun.
    if rule.is_same_seed { (all, lost) } else { (all, (all as f64 * moved).round() as u64) }
}

/// Bytes of all tables.
fn bytes(sizes: Sizes) -> u64 {
    memory(sizes).into_iter().map(|(_, bytes)| bytes).sum()
}
