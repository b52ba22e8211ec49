//! The program's way from a flow to its service, slot and member, on any tables: by the same hash and the same rows.

use dsr_common::{
    address::Address,
    flow::Flow,
    hash::{HashKeys, Keys as _},
    limits::{SERVICE_PROBES, SLOTS_PER_BLOCK},
    member::MEMBER_DRAINING,
    service::{FLAG_REHASHED, FLAG_REMEMBER, ServiceKey, ServiceRow},
    slot::Slot,
    track::{self, WAYS},
};

use super::{
    flows::{FlowPlace, FlowTable},
    kind::service_key,
    row_id::MemberRowId,
    tables::Tables,
};
use crate::model::{Desired, Service, ServiceId};

/// The service that a flow belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundService {
    /// Its row of the service table.
    pub row: u32,
    /// What that row holds.
    pub value: ServiceRow,
}

/// The slot of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundSlot {
    /// The flow's hash.
    pub hash: u64,
    /// The hash that it may be remembered by too, where its service picks slots by another part of it now.
    pub other: Option<u64>,
    /// Its number within the service's table.
    pub number: u32,
    /// What it holds.
    pub slot: Slot,
}

/// The service on the flow's port, else on any port of its protocol, else on any protocol.
pub fn service_of(flow: &Flow, keys: &HashKeys, tables: &impl Tables) -> Option<FoundService> {
    let family = flow.family;
    let protocol = flow.protocol;
    let has_ports = matches!(protocol, TCP | UDP | SCTP);
    let exact = has_ports.then(|| ServiceKey::exact(family, protocol, flow.service_port));
    let any_port = has_ports.then(|| ServiceKey::any_port(family, protocol));
    let any_protocol = (!matches!(protocol, ICMP | ICMPV6)).then(|| ServiceKey::any_protocol(family));
    [exact, any_port, any_protocol].into_iter().flatten().find_map(|key| search(flow.vip, key, keys, tables))
}

/// The slot of a flow in its service's table.
pub fn slot_of(flow: &Flow, service: &FoundService, keys: &HashKeys, tables: &impl Tables) -> FoundSlot {
    let table = service.value.table;
    let hash = track::hash(keys, flow, table);
    let number = table.slot(hash);
    let is_rehashed = tables.old_table(service.row).flags() & FLAG_REHASHED != 0;
    let other = is_rehashed.then(|| track::hash(keys, flow, table.with_other_rule()));
    FoundSlot { hash, other, number, slot: tables.slot(table.block() * SLOTS_PER_BLOCK + number) }
}

/// Why a flow's packets go where they go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its slot is stable, and nothing is remembered.
    Stable,
    /// It is remembered.
    Remembered(FlowTable),
    /// It is not remembered, so it began before its slot got another member.
    Previous,
    /// It is not remembered and began before, and the member of that time is gone.
    PreviousIsGone,
    /// It is not remembered: it begins here.
    New,
}

/// Where the packets of a flow go, and why; nothing where no member can take them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The member's row.
    pub row: Option<MemberRowId>,
    /// Why this one.
    pub why: Why,
}

/// What a packet says of its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It opens the flow.
    First,
    /// The flow began before it.
    Later,
}

/// Where a packet of a flow goes, as `select/track.rs` of the kernel side has it; writes nothing.
pub fn placement_of(
    flow: &Flow,
    part: Part,
    service: &FoundService,
    keys: &HashKeys,
    tables: &impl Tables,
) -> Placement {
    let table = service.value.table;
    let found = slot_of(flow, service, keys, tables);
    let row = |number: Option<u16>| number.map(|number| MemberRowId::of(service.value.members, number));
    let lives = |row: MemberRowId| tables.member(row).mode != 0;
    let current = row(found.slot.member()).filter(|row| lives(*row));
    let remembers = table.flags() & FLAG_REMEMBER != 0;
    if !remembers && !found.slot.is_tracked() {
        return Placement { row: current, why: Why::Stable };
    }
    let drains = |row: MemberRowId| tables.member(row).flags & MEMBER_DRAINING != 0;
    let serves = |row: &MemberRowId| lives(*row) && !(part == Part::First && drains(*row));
    let remembered = [FlowTable::Established, FlowTable::Embryonic].into_iter().find_map(|table| {
        let known = remembered(found.hash, table, tables);
        known
            .or_else(|| found.other.and_then(|hash| remembered(hash, table, tables)))
            .filter(serves)
            .map(|row| Placement { row: Some(row), why: Why::Remembered(table) })
    });
    if let Some(placement) = remembered {
        return placement;
    }
    // Only TCP shows where a flow begins.
    if part == Part::First || (remembers && flow.protocol != TCP) {
        return Placement { row: current, why: Why::New };
    }
    match row(previous(found, service, tables)).filter(|row| lives(*row)) {
        Some(row) => Placement { row: Some(row), why: Why::Previous },
        None => Placement { row: current, why: Why::PreviousIsGone },
    }
}

/// The number of the member that a tracked slot had before.
pub fn previous(found: FoundSlot, service: &FoundService, tables: &impl Tables) -> Option<u16> {
    if !found.slot.is_tracked() {
        return None;
    }
    let old = tables.old_table(service.row);
    let table = if old.size() == 0 { service.value.table } else { old };
    let hash = if table.has_rule_of(service.value.table) { found.hash } else { found.other.unwrap_or(found.hash) };
    tables.previous(table.block() * SLOTS_PER_BLOCK + table.slot(hash)).member()
}

/// The row that is remembered for the flow with this hash.
fn remembered(hash: u64, table: FlowTable, tables: &impl Tables) -> Option<MemberRowId> {
    let sizes = tables.sizes();
    let sets = match table {
        FlowTable::Established => sizes.established_sets,
        FlowTable::Embryonic => sizes.embryonic_sets,
    };
    let first = track::set(hash, sets - 1) * WAYS as u32;
    let entries = (first..).take(WAYS).map(|index| tables.flow(FlowPlace { table, index }));
    let mut of_flow = entries.filter(|entry| entry.is_of(hash));
    of_flow.next().map(MemberRowId::of_flow)
}

/// How many slots of each service are tracked.
pub fn tracked_slots(desired: &Desired, live: &impl Tables) -> Vec<(ServiceId, u32)> {
    let keys = HashKeys::from_seed(desired.hash_seed);
    let count =
        |service: &Service| Some((service.id, live.tracked(live_service(service.id, &keys, live)?.value.table)));
    desired.services.iter().filter_map(count).collect()
}

/// A service that is live.
pub(super) fn live_service(id: ServiceId, keys: &HashKeys, tables: &impl Tables) -> Option<FoundService> {
    let (vip, key) = service_key(id);
    search(vip, key, keys, tables)
}

/// The row of this key, where the program finds it.
pub(super) fn search(vip: Address, key: ServiceKey, keys: &HashKeys, tables: &impl Tables) -> Option<FoundService> {
    let mask = tables.sizes().services - 1;
    let first = keys.service(vip, key);
    (0..SERVICE_PROBES)
        .map(|step| first.wrapping_add(step) & mask)
        .map(|row| FoundService { row, value: tables.service(row) })
        .take_while(|found| found.value.key != ServiceKey::EMPTY)
        .find(|found| found.value.key == key && found.value.vip == vip)
}

// Protocol numbers (IANA).
const TCP: u8 = 6;
const UDP: u8 = 17;
const SCTP: u8 = 132;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
