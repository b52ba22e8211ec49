//! The maps in the kernel as the planner's tables.

use std::{collections::BTreeSet, mem::offset_of};

use dsr_common::{
    limits::SLOTS_PER_BLOCK,
    member::{MemberRow, MemberRows, NextHopRow},
    previous::Previous,
    service::{ServiceKey, ServiceRow, TableRef},
    slot::Slot,
    track::Entry,
    tunnel::TunnelRow,
};

use super::{Datapath, Maps, mapped};
use crate::reconcile::{FlowPlace, FlowTable, MemberRowId, SLOTS_PER_WORD, Sizes, Tables, TablesMut};

impl Tables for Maps {
    fn sizes(&self) -> Sizes {
        self.sizes
    }

    fn service(&self, row: u32) -> ServiceRow {
        self.services.load(row)
    }

    fn member(&self, row: MemberRowId) -> MemberRow {
        self.members.part(row.0, offset_of!(MemberRows, member))
    }

    fn tunnel(&self, row: MemberRowId) -> TunnelRow {
        self.members.part(row.0, offset_of!(MemberRows, tunnel))
    }

    fn next_hop(&self, row: u32) -> NextHopRow {
        self.next_hops.load(row)
    }

    fn slot(&self, index: u32) -> Slot {
        Slot(self.slots.load_u16(index / SLOTS_PER_BLOCK, index % SLOTS_PER_BLOCK))
    }

    fn slot_word(&self, index: u32) -> u64 {
        self.slots.word_at(index / SLOTS_PER_BLOCK, (index % SLOTS_PER_BLOCK / SLOTS_PER_WORD) as usize)
    }

    fn previous(&self, index: u32) -> Previous {
        Self::previous(self, index)
    }

    fn old_table(&self, row: u32) -> TableRef {
        Self::old_table(self, row)
    }

    fn clock(&self) -> u64 {
        Self::clock(self)
    }

    fn flow_capacity(&self, table: FlowTable) -> u32 {
        Self::flow_capacity(self, table)
    }

    fn flow(&self, FlowPlace { table, index }: FlowPlace) -> Entry {
        self.flow_entry(table, index)
    }
}

impl Tables for Datapath {
    fn sizes(&self) -> Sizes {
        Tables::sizes(&**self)
    }

    fn service(&self, row: u32) -> ServiceRow {
        Tables::service(&**self, row)
    }

    fn member(&self, row: MemberRowId) -> MemberRow {
        Tables::member(&**self, row)
    }

    fn tunnel(&self, row: MemberRowId) -> TunnelRow {
        Tables::tunnel(&**self, row)
    }

    fn next_hop(&self, row: u32) -> NextHopRow {
        Tables::next_hop(&**self, row)
    }

    fn slot(&self, index: u32) -> Slot {
        Tables::slot(&**self, index)
    }

    fn slot_word(&self, index: u32) -> u64 {
        Tables::slot_word(&**self, index)
    }

    fn previous(&self, index: u32) -> Previous {
        Tables::previous(&**self, index)
    }

    fn old_table(&self, row: u32) -> TableRef {
        Tables::old_table(&**self, row)
    }

    fn clock(&self) -> u64 {
        Tables::clock(&**self)
    }

    fn flow_capacity(&self, table: FlowTable) -> u32 {
        Tables::flow_capacity(&**self, table)
    }

    fn flow(&self, place: FlowPlace) -> Entry {
        Tables::flow(&**self, place)
    }
}

impl TablesMut for Datapath {
    fn put_previous(&mut self, index: u32, previous: Previous) {
        Self::put_previous(self, index, previous);
    }

    fn put_old_table(&mut self, row: u32, table: TableRef) {
        Self::put_old_table(self, row, table);
    }

    fn replace_flow(&mut self, FlowPlace { table, index }: FlowPlace, old: Entry, new: Entry) -> bool {
        self.exchange_flow_entry(table, index, old, new)
    }

    fn put_service(&mut self, row: u32, value: ServiceRow) {
        // Words: VIP (0, 1), key and members (2), table (3). A row that gets a new key shows it last; in a row that
        // keeps its key the members are right before the table is, see ServiceRow's readers in the kernel side.
        let words = mapped::words(&value);
        let same = self.services.load(row).key == value.key;
        let order: [usize; 4] = if same { [0, 1, 2, 3] } else { [3, 0, 1, 2] };
        if !same {
            self.services.store_word(row, 2, u64::from(ServiceKey::VACATED.0));
        }
        for word in order {
            self.services.store_word(row, word, words[word]);
        }
    }

    fn put_member(&mut self, row: MemberRowId, value: MemberRow) {
        let words = mapped::words(&value);
        for word in value.write_order() {
            self.members.store_word(row.0, word, words[word]);
        }
    }

    fn put_tunnel(&mut self, row: MemberRowId, value: TunnelRow) {
        for (word, value) in (TUNNEL_WORD..).zip(mapped::words(&value)) {
            self.members.store_word(row.0, word, value);
        }
    }

    fn put_next_hop(&mut self, row: u32, value: NextHopRow) {
        self.next_hops.store(row, &value);
    }

    fn put_slot(&mut self, index: u32, slot: Slot) {
        self.slots.store_u16(index / SLOTS_PER_BLOCK, index % SLOTS_PER_BLOCK, slot.0);
    }

    fn reset_members(&mut self, rows: &BTreeSet<MemberRowId>) {
        self.forget_fragments(|gone| rows.contains(&gone));
        if let Err(error) = self.zero_counters(rows) {
            tracing::warn!(%error, "cannot clear members' counters: they continue from earlier members'");
        }
    }
}

/// The first word of a member's tunnel in its row.
const TUNNEL_WORD: usize = offset_of!(MemberRows, tunnel) / 8;
