//! How the program selects the member of a packet, on tables in memory: the section "Tracked slots" of
//! `docs/datapath.md`, and nothing of the program's own code.

use dsr::reconcile::{FlowPlace, FlowTable, InMemory, MemberRowId, Tables};
use dsr_common::{
    limits::SLOTS_PER_BLOCK,
    member::MEMBER_DRAINING,
    service::{FLAG_REHASHED, FLAG_REMEMBER, FLAG_SOURCE, ServiceRow, TableRef},
    slot::Slot,
    track::{CLIENT_BITS, Entry, WAYS},
};

/// Whether a packet is the first of its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packet {
    Syn,
    Data,
}

/// What became of a packet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// The row of the member that it goes to.
    pub(crate) row: Option<MemberRowId>,
    /// Entries of other flows that gave way.
    pub(crate) evicted: Vec<(u32, Entry)>,
}

/// The hashes of a flow: of all of it, and of its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hashes {
    pub(crate) whole: u64,
    pub(crate) client: u64,
}

impl Hashes {
    /// What the flow is known by in a service with this table.
    pub(crate) fn of(self, table: TableRef) -> u64 {
        let by_source = table.flags() & FLAG_SOURCE != 0;
        if by_source { self.client & CLIENT_BITS | self.whole & !CLIENT_BITS } else { self.whole }
    }
}

/// One packet of this flow, to the service in row `number` of the service table.
pub(crate) fn select(tables: &mut InMemory, number: u32, flow: Hashes, packet: Packet) -> Outcome {
    let service = tables.service(number);
    let hash = flow.of(service.table);
    let slot = slot_of(tables, service.table, hash);
    let current = slot.member().map(|member| MemberRowId::of(service.members, member));
    if !slot.is_tracked() && service.table.flags() & FLAG_REMEMBER == 0 {
        return Outcome { row: current, ..Outcome::default() };
    }
    let mut outcome = Outcome::default();
    if tables.old_table(number).flags() & FLAG_REHASHED != 0 {
        rehash(tables, flow.of(service.table.with_other_rule()), hash);
    }
    let (clock, known) = (tables.clock(), find(tables, FlowTable::Established, hash));
    if let Some((place, entry)) = known {
        let row = MemberRowId::of_flow(entry);
        let member = tables.member(row);
        let leaves = packet == Packet::Syn && member.flags & MEMBER_DRAINING != 0;
        if member.mode != 0 && !leaves {
            tables.put_flow(place, entry.seen(clock));
            return Outcome { row: Some(row), ..outcome };
        }
    }
    if packet == Packet::Syn {
        if let Some((place, _)) = known {
            tables.put_flow(place, Entry::EMPTY);
        }
        if let Some(row) = current {
            insert(tables, FlowTable::Embryonic, Entry::new(hash, clock, row.0), hash, &mut outcome);
        }
        return Outcome { row: current, ..outcome };
    }
    if let Some((place, entry)) = find(tables, FlowTable::Embryonic, hash)
        && tables.member(MemberRowId::of_flow(entry)).mode != 0
    {
        insert(tables, FlowTable::Established, entry.seen(clock), hash, &mut outcome);
        tables.put_flow(place, Entry::EMPTY);
        return Outcome { row: Some(MemberRowId::of_flow(entry)), ..outcome };
    }
    let before = slot.is_tracked().then(|| previous(tables, &service, number, flow)).flatten();
    let row = before.filter(|row| tables.member(*row).mode != 0).or(current);
    if let Some(row) = row {
        insert(tables, FlowTable::Established, Entry::new(hash, clock, row.0), hash, &mut outcome);
    }
    Outcome { row, ..outcome }
}

fn slot_of(tables: &InMemory, table: TableRef, hash: u64) -> Slot {
    tables.slot(table.block() * SLOTS_PER_BLOCK + table.slot(hash))
}

fn previous(tables: &InMemory, service: &ServiceRow, number: u32, flow: Hashes) -> Option<MemberRowId> {
    let oldest = tables.old_table(number);
    let table = if oldest.size() > 0 { oldest } else { service.table };
    let member = tables.previous(table.block() * SLOTS_PER_BLOCK + table.slot(flow.of(table))).member()?;
    Some(MemberRowId::of(service.members, member))
}

/// What is known by another hash of a flow is known by this one from now on.
fn rehash(tables: &mut InMemory, other: u64, hash: u64) {
    for table in FlowTable::BOTH {
        if let Some((place, entry)) = find(tables, table, other).filter(|_| other != hash) {
            let is_known = find(tables, table, hash).is_some();
            tables.put_flow(place, if is_known { Entry::EMPTY } else { entry.known_by(hash) });
        }
    }
}

/// The places of a flow's set.
fn places(tables: &InMemory, table: FlowTable, hash: u64) -> impl Iterator<Item = FlowPlace> + use<> {
    let ways = WAYS as u32;
    let set = hash as u32 & (tables.flow_capacity(table) / ways - 1);
    (0..ways).map(move |way| FlowPlace { table, index: set * ways + way })
}

fn find(tables: &InMemory, table: FlowTable, hash: u64) -> Option<(FlowPlace, Entry)> {
    places(tables, table, hash).map(|place| (place, tables.flow(place))).find(|(_, entry)| entry.is_of(hash))
}

fn insert(tables: &mut InMemory, table: FlowTable, new: Entry, hash: u64, outcome: &mut Outcome) {
    let clock = tables.clock();
    let place = match find(tables, table, hash) {
        Some((place, _)) => place,
        None => places(tables, table, hash).max_by_key(|place| tables.flow(*place).staleness(clock)).unwrap(),
    };
    let old = tables.flow(place);
    if !old.is_empty() && !old.is_of(hash) {
        outcome.evicted.push((place.index / WAYS as u32, old));
    }
    tables.put_flow(place, new);
}
