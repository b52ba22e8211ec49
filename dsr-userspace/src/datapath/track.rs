//! What the program remembers while slots are tracked: previous members, flows, the flow clock, and their counts.

use dsr_common::{
    limits::SLOTS_PER_BLOCK,
    names,
    previous::Previous,
    service::TableRef,
    stats::Tracking,
    track::{Entry, WAYS},
};

use super::{Datapath, Error, Maps, counters::of, mapped::Mapped};
use crate::reconcile::FlowTable;

impl Maps {
    /// What is kept beside a slot, counted from the first slot of the slot map.
    pub fn previous(&self, index: u32) -> Previous {
        Previous(self.previous.load_u32(index / SLOTS_PER_BLOCK, index % SLOTS_PER_BLOCK))
    }

    /// The table whose slots index the previous members of the service in this row; zero where it is its own.
    pub fn old_table(&self, row: u32) -> TableRef {
        self.old_tables.load(row)
    }

    /// The flow clock: ticks since it was first started.
    pub fn clock(&self) -> u64 {
        self.clock.load(0)
    }

    /// Entries that a table of flows has room for.
    pub fn flow_capacity(&self, table: FlowTable) -> u32 {
        self.established_sets(table).rows() * WAYS as u32
    }

    /// The entry at `index`, below [`Maps::flow_capacity`].
    pub fn flow_entry(&self, table: FlowTable, index: u32) -> Entry {
        Entry::from_word(self.established_sets(table).word_at(index / WAYS as u32, index as usize % WAYS))
    }

    /// All entries that are not empty, each read at once, with their indices.
    pub fn flow_entries(&self, table: FlowTable) -> impl Iterator<Item = (u32, Entry)> + '_ {
        (0..self.flow_capacity(table))
            .map(move |index| (index, self.flow_entry(table, index)))
            .filter(|(_, entry)| !entry.is_empty())
    }

    /// How many entries are not empty.
    pub fn count_flows(&self, table: FlowTable) -> u64 {
        let sets = self.established_sets(table);
        (0..sets.rows()).map(|set| (0..WAYS).filter(|way| sets.word_at(set, *way) != 0).count() as u64).sum()
    }

    /// How many packets were counted so, on all CPUs.
    pub fn tracked(&self, tracking: Tracking) -> Result<u64, Error> {
        let values = self.tracking.row(tracking as u32).map_err(of(names::TRACKING))?;
        Ok(values.iter().sum())
    }

    fn established_sets(&self, table: FlowTable) -> &Mapped<dsr_common::track::FlowSet> {
        match table {
            FlowTable::Established => &self.flows,
            FlowTable::Embryonic => &self.embryonic,
        }
    }
}

impl Datapath {
    /// Writes it at once. The program reads it after the slot, if that is tracked: write it before.
    pub fn put_previous(&mut self, index: u32, previous: Previous) {
        self.previous.store_u32(index / SLOTS_PER_BLOCK, index % SLOTS_PER_BLOCK, previous.0);
    }

    /// Writes it at once. The program reads it after the service's table.
    pub fn put_old_table(&mut self, row: u32, table: TableRef) {
        self.old_tables.store_word(row, 0, table.0);
    }

    /// Sets the flow clock.
    pub fn set_clock(&mut self, ticks: u64) {
        self.clock.store_word(0, 0, ticks);
    }

    /// Writes an entry if it is still what it was; whether it was.
    pub fn exchange_flow_entry(&mut self, table: FlowTable, index: u32, old: Entry, new: Entry) -> bool {
        self.established_sets(table).exchange_word(index / WAYS as u32, index as usize % WAYS, old.word(), new.word())
    }
}
