//! Tables in memory: what the planner is tested against, and where a change can be tried before it is made.

use std::collections::BTreeSet;

use dsr_common::{
    forward::{NEXT_HOP_GROUPS, NEXT_HOPS_PER_GROUP},
    limits::SLOTS_PER_BLOCK,
    member::{MemberRow, NextHopRow},
    previous::Previous,
    service::{ServiceRow, TableRef},
    slot::Slot,
    track::{Entry, FlowSet, WAYS},
    tunnel::TunnelRow,
};

use super::{
    flows::{FlowPlace, FlowTable, entries},
    row_id::MemberRowId,
    tables::{SLOTS_PER_WORD, Sizes, Tables, TablesMut},
};

/// Rows of the next-hop map.
const NEXT_HOPS: u32 = NEXT_HOP_GROUPS * NEXT_HOPS_PER_GROUP;

/// The tables, empty at first.
#[derive(Clone, Debug)]
pub struct InMemory {
    sizes: Sizes,
    services: Vec<ServiceRow>,
    members: Vec<MemberRow>,
    tunnels: Vec<TunnelRow>,
    next_hops: Vec<NextHopRow>,
    slots: Vec<Slot>,
    previous: Vec<Previous>,
    old_tables: Vec<TableRef>,
    embryonic: Vec<FlowSet>,
    flows: Vec<FlowSet>,
    /// The flow clock.
    pub clock: u64,
}

impl InMemory {
    /// Empty tables.
    pub fn new(sizes: Sizes) -> Self {
        let slots = (sizes.blocks * SLOTS_PER_BLOCK) as usize;
        Self {
            sizes,
            services: vec![ServiceRow::default(); sizes.services as usize],
            members: vec![MemberRow::default(); sizes.members as usize],
            tunnels: vec![TunnelRow::default(); sizes.members as usize],
            next_hops: vec![NextHopRow::default(); NEXT_HOPS as usize],
            slots: vec![Slot(0); slots],
            previous: vec![Previous(0); slots],
            old_tables: vec![TableRef::default(); sizes.services as usize],
            embryonic: vec![FlowSet::default(); sizes.embryonic_sets as usize],
            flows: vec![FlowSet::default(); sizes.established_sets as usize],
            clock: 0,
        }
    }

    /// A copy of live tables.
    pub fn copy(live: &impl Tables) -> Self {
        let mut copy = Self::new(live.sizes());
        copy.clock = live.clock();
        for row in 0..copy.sizes.services {
            copy.services[row as usize] = live.service(row);
            copy.old_tables[row as usize] = live.old_table(row);
        }
        for row in MemberRowId::first(copy.sizes.members) {
            copy.members[row.0 as usize] = live.member(row);
            copy.tunnels[row.0 as usize] = live.tunnel(row);
        }
        (0..NEXT_HOPS).for_each(|row| copy.next_hops[row as usize] = live.next_hop(row));
        for index in 0..copy.sizes.blocks * SLOTS_PER_BLOCK {
            copy.slots[index as usize] = live.slot(index);
            copy.previous[index as usize] = live.previous(index);
        }
        for (place, entry) in entries(live) {
            *copy.word(place) = entry.word();
        }
        copy
    }

    /// Writes an entry, whatever was there.
    pub fn put_flow(&mut self, place: FlowPlace, entry: Entry) {
        *self.word(place) = entry.word();
    }

    fn sets(&self, table: FlowTable) -> &[FlowSet] {
        match table {
            FlowTable::Embryonic => &self.embryonic,
            FlowTable::Established => &self.flows,
        }
    }

    fn word(&mut self, FlowPlace { table, index }: FlowPlace) -> &mut u64 {
        let sets = match table {
            FlowTable::Embryonic => &mut self.embryonic,
            FlowTable::Established => &mut self.flows,
        };
        &mut sets[index as usize / WAYS].0[index as usize % WAYS]
    }
}

impl Tables for InMemory {
    fn sizes(&self) -> Sizes {
        self.sizes
    }

    fn service(&self, row: u32) -> ServiceRow {
        self.services[row as usize]
    }

    fn member(&self, row: MemberRowId) -> MemberRow {
        self.members[row.0 as usize]
    }

    fn tunnel(&self, row: MemberRowId) -> TunnelRow {
        self.tunnels[row.0 as usize]
    }

    fn next_hop(&self, row: u32) -> NextHopRow {
        self.next_hops[row as usize]
    }

    fn slot(&self, index: u32) -> Slot {
        self.slots[index as usize]
    }

    fn slot_word(&self, index: u32) -> u64 {
        let slots = &self.slots[index as usize..][..SLOTS_PER_WORD as usize];
        // In the order of memory, as the map has them.
        slots.iter().rev().fold(0, |word, slot| word << u16::BITS | u64::from(slot.0))
    }

    fn previous(&self, index: u32) -> Previous {
        self.previous[index as usize]
    }

    fn old_table(&self, row: u32) -> TableRef {
        self.old_tables[row as usize]
    }

    fn clock(&self) -> u64 {
        self.clock
    }

    fn flow_capacity(&self, table: FlowTable) -> u32 {
        (self.sets(table).len() * WAYS) as u32
    }

    fn flow(&self, FlowPlace { table, index }: FlowPlace) -> Entry {
        Entry::from_word(self.sets(table)[index as usize / WAYS].0[index as usize % WAYS])
    }
}

impl TablesMut for InMemory {
    fn put_service(&mut self, row: u32, value: ServiceRow) {
        self.services[row as usize] = value;
    }

    fn put_member(&mut self, row: MemberRowId, value: MemberRow) {
        self.members[row.0 as usize] = value;
    }

    fn put_tunnel(&mut self, row: MemberRowId, value: TunnelRow) {
        self.tunnels[row.0 as usize] = value;
    }

    fn put_next_hop(&mut self, row: u32, value: NextHopRow) {
        self.next_hops[row as usize] = value;
    }

    fn put_slot(&mut self, index: u32, slot: Slot) {
        self.slots[index as usize] = slot;
    }

    fn put_previous(&mut self, index: u32, previous: Previous) {
        self.previous[index as usize] = previous;
    }

    fn put_old_table(&mut self, row: u32, table: TableRef) {
        self.old_tables[row as usize] = table;
    }

    fn replace_flow(&mut self, place: FlowPlace, old: Entry, new: Entry) -> bool {
        let word = self.word(place);
        let same = *word == old.word();
        if same {
            *word = new.word();
        }
        same
    }

    fn reset_members(&mut self, _rows: &BTreeSet<MemberRowId>) {}
}
