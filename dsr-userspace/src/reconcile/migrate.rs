//! From one set of tables to another of other sizes: services, members and flows stay in the rows that they have, so that
//! what names them by row is right in both.

use dsr_common::{
    forward::{NEXT_HOP_GROUPS, NEXT_HOPS_PER_GROUP},
    hash::HashKeys,
    limits::SLOTS_PER_BLOCK,
    member::MemberRow,
    service::{ServiceRow, TableRef},
    slot::Slot,
    track::{Entry, WAYS},
};

use super::{
    flows::{FlowPlace, FlowTable, entries},
    layout::Full,
    row_id::MemberRowId,
    services::Services,
    tables::{Tables, TablesMut},
};

/// What of live tables is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// All.
    Everything,
    /// Services and members, with their counters. Not which flows are theirs: flows are hashed with another seed.
    Members,
}

/// Copies live tables into empty ones that are no smaller and hash with `hash_seed`; all but the flows.
pub fn migrate(old: &impl Tables, new: &mut impl TablesMut, hash_seed: u64, keep: Keep) -> Result<(), Full> {
    for row in MemberRowId::first(old.sizes().members) {
        let member = old.member(row);
        if member.family != 0 {
            new.put_tunnel(row, old.tunnel(row));
            new.put_member(row, member);
        }
    }
    for row in 0..NEXT_HOP_GROUPS * NEXT_HOPS_PER_GROUP {
        new.put_next_hop(row, old.next_hop(row));
    }
    let keys = HashKeys::from_seed(hash_seed);
    let mut places = Services::read(new, &keys);
    for number in 0..old.sizes().services {
        let row = old.service(number);
        if !row.key.is_used() {
            continue;
        }
        let place = places.place(row.vip, row.key).ok_or(Full::Services)?;
        match keep {
            Keep::Everything => migrate_slots(old, new, row, number, place),
            Keep::Members => (slots_of(row.table)).for_each(|index| new.put_slot(index, Slot::NONE)),
        }
        new.put_service(place, row);
    }
    Ok(())
}

fn migrate_slots(old: &impl Tables, new: &mut impl TablesMut, row: ServiceRow, number: u32, place: u32) {
    let oldest = old.old_table(number);
    for index in slots_of(row.table).chain(slots_of(oldest)) {
        new.put_previous(index, old.previous(index));
        new.put_slot(index, old.slot(index));
    }
    new.put_old_table(place, oldest);
}

fn slots_of(table: TableRef) -> std::ops::Range<u32> {
    let first = table.block() * SLOTS_PER_BLOCK;
    first..first + table.size()
}

/// Copies the flows of one of the flow tables into an empty one of another size. What of a flow chooses its set is known
/// in part only: in a larger table it is put into each set that it may be looked for in. Where there is no room it is
/// forgotten.
pub fn migrate_flows(old: &impl Tables, new: &mut impl TablesMut, table: FlowTable) {
    let ways = WAYS as u32;
    let old_sets = old.flow_capacity(table) / ways;
    let new_sets = new.flow_capacity(table) / ways;
    for (place, entry) in entries(old).filter(|(place, _)| place.table == table) {
        let set = place.index / ways;
        for set in (set % new_sets..new_sets).step_by(old_sets.min(new_sets) as usize) {
            let mut places = (0..ways).map(|way| FlowPlace { table, index: set * ways + way });
            if let Some(free) = places.find(|place| new.flow(*place).is_empty()) {
                new.replace_flow(free, Entry::EMPTY, entry);
            }
        }
    }
}

/// Lets everything that is remembered count as seen now: when the flow clock is about to run at another speed.
pub fn restamp(tables: &mut impl TablesMut) {
    let clock = tables.clock();
    let found: Vec<_> = entries(tables).collect();
    for (place, entry) in found {
        tables.replace_flow(place, entry, entry.seen(clock));
    }
    for row in MemberRowId::first(tables.sizes().members) {
        let member = tables.member(row);
        if member.family != 0 && member.mode == 0 {
            tables.put_member(row, MemberRow { away_since: clock, ..member });
        }
    }
    for number in 0..tables.sizes().services {
        let row = tables.service(number);
        for index in slots_of(row.table).chain(slots_of(tables.old_table(number))) {
            let previous = tables.previous(index);
            if previous.member().is_some() {
                tables.put_previous(index, dsr_common::previous::Previous::new(previous.member(), clock));
            }
        }
    }
}
