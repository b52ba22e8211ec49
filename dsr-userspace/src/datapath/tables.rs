//! The maps in the kernel as the planner's tables.

use std::collections::BTreeSet;

use dsr_common::{
    limits::SLOTS_PER_BLOCK,
    member::MemberRow,
    previous::Previous,
    service::{ServiceKey, ServiceRow, TableRef},
    slot::{Slot, SlotBlock},
    track::Entry,
};

use super::{Datapath, Maps, mapped::Mapped};
use crate::reconcile::{FlowPlace, FlowTable, Sizes, Tables, TablesMut};

impl Tables for Maps {
    fn sizes(&self) -> Sizes {
        self.sizes
    }

    fn service(&self, row: u32) -> ServiceRow {
        self.services.load(row)
    }

    fn member(&self, row: u32) -> MemberRow {
        self.members.load(row)
    }

    fn slot(&self, index: u32) -> Slot {
        Slot(self.slots.load_u16(index / SLOTS_PER_BLOCK, index % SLOTS_PER_BLOCK))
    }

    /// Four slots at a time: there may be millions.
    fn tracked(&self, table: TableRef) -> u32 {
        let blocks = table.block()..table.block() + table.size() / SLOTS_PER_BLOCK;
        let words = blocks.flat_map(|block| (0..size_of::<SlotBlock>() / 8).map(move |word| (block, word)));
        let tracked = |(block, word)| (self.slots.word_at(block, word) & TRACKED).count_ones();
        let first = table.block() * SLOTS_PER_BLOCK;
        let rest = first + table.size() / SLOTS_PER_BLOCK * SLOTS_PER_BLOCK..first + table.size();
        words.map(tracked).sum::<u32>() + rest.filter(|index| self.slot(*index).is_tracked()).count() as u32
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

    fn member(&self, row: u32) -> MemberRow {
        Tables::member(&**self, row)
    }

    fn slot(&self, index: u32) -> Slot {
        Tables::slot(&**self, index)
    }

    fn tracked(&self, table: TableRef) -> u32 {
        Tables::tracked(&**self, table)
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
        let words = Mapped::words(&value);
        let same = self.services.load(row).key == value.key;
        let order: [usize; 4] = if same { [0, 1, 2, 3] } else { [3, 0, 1, 2] };
        if !same {
            self.services.store_word(row, 2, u64::from(ServiceKey::VACATED.0));
        }
        for word in order {
            self.services.store_word(row, word, words[word]);
        }
    }

    fn put_member(&mut self, row: u32, value: MemberRow) {
        // Word 2 holds the forward mode: it goes first where the row stops being used, and else last.
        let words = Mapped::words(&value);
        let order: [usize; 8] = if value.mode == 0 { [2, 0, 1, 3, 4, 5, 6, 7] } else { [7, 6, 5, 4, 3, 1, 0, 2] };
        for word in order {
            self.members.store_word(row, word, words[word]);
        }
    }

    fn put_slot(&mut self, index: u32, slot: Slot) {
        self.slots.store_u16(index / SLOTS_PER_BLOCK, index % SLOTS_PER_BLOCK, slot.0);
    }

    fn reset_members(&mut self, rows: &BTreeSet<u32>) {
        self.forget_fragments(|gone| rows.contains(&gone));
        if let Err(error) = self.zero_counters(rows) {
            tracing::warn!(%error, "cannot clear members' counters: they continue from earlier members'");
        }
    }
}

/// The flags of the four slots in a word.
const TRACKED: u64 = 0x0001_0001_0001_0001 * Slot::tracked(0).0 as u64;
