//! The program's tables as the planner sees them, whether they are in the kernel or in memory.

use std::collections::BTreeSet;

use dsr_common::{
    limits::{SERVICE_PROBES, SLOTS_PER_BLOCK, TABLE_SIZES},
    member::{MemberRow, NextHopRow},
    previous::Previous,
    service::{ServiceRow, TableRef},
    slot::{self, Slot},
    track::{Entry, WAYS},
    tunnel::TunnelRow,
};

use super::{
    flows::{FlowPlace, FlowTable},
    layout::Full,
    member,
    row_id::MemberRowId,
};
use crate::{maglev, model::Desired};

/// Default number of sets of the flow table.
const FLOW_SETS: u32 = 1 << 15;
/// Default number of sets of the embryonic table.
const SYN_SETS: u32 = 1 << 13;

/// Rows of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Rows of the service table, a power of two.
    pub services: u32,
    /// Rows of the member map and of its counters.
    pub members: u32,
    /// Rows of the slot map, each [`dsr_common::limits::SLOTS_PER_BLOCK`] slots.
    pub blocks: u32,
    /// Sets of the flow table, a power of two, each [`dsr_common::track::WAYS`] flows.
    pub established_sets: u32,
    /// Sets of the embryonic table, a power of two.
    pub embryonic_sets: u32,
}

impl Sizes {
    /// Room for what is desired and for more, so that few changes of the configuration need larger tables: for as much
    /// again, and in large tables, which are memory of the kernel and of the agent, for a quarter more.
    pub fn for_desired(desired: &Desired) -> Self {
        let services = &desired.services;
        let members: u32 = services.iter().map(|s| member::capacity_for(s.backends.len())).sum();
        let blocks: u32 = services.iter().map(|s| slot::blocks(maglev::size_for(s.backends.len()))).sum();
        // Each service may bring a VIP. One row in eight in use makes a full window of probes as good as impossible.
        let rows = (services.len() as u32 * 2).saturating_mul(SERVICE_PROBES);
        Self {
            services: rows.next_power_of_two().max(1024),
            members: with_room(members).max(1024),
            blocks: with_room(blocks).max(slot::blocks(TABLE_SIZES[1]) * 8),
            established_sets: FLOW_SETS,
            embryonic_sets: SYN_SETS,
        }
    }

    /// The same, with room for so many flows, and so many of which only the first packet has come.
    #[must_use]
    pub fn with_flows(self, flows: u32, embryonic: u32) -> Self {
        let sets = |flows: u32| flows.div_ceil(WAYS as u32).next_power_of_two();
        Self { established_sets: sets(flows), embryonic_sets: sets(embryonic), ..self }
    }

    /// The same, and in no table of services, members or slots less room than `other` has.
    #[must_use]
    pub fn at_least(self, other: Self) -> Self {
        Self {
            services: self.services.max(other.services),
            members: self.members.max(other.members),
            blocks: self.blocks.max(other.blocks),
            ..self
        }
    }

    /// The same, and in a table that was full twice the room.
    #[must_use]
    pub fn grown(self, full: Full) -> Self {
        match full {
            Full::Services => Self { services: self.services.saturating_mul(2), ..self },
            Full::Members => Self { members: self.members.saturating_mul(2), ..self },
            Full::Slots => Self { blocks: self.blocks.saturating_mul(2), ..self },
        }
    }

    /// Whether services, members and slots have the same room in both.
    pub fn has_tables_of(self, other: Self) -> bool {
        (self.services, self.members, self.blocks) == (other.services, other.members, other.blocks)
    }
}

fn with_room(rows: u32) -> u32 {
    rows.saturating_add(rows.min((rows / 4).max(AMPLE)))
}

/// Rows that are enough to have in reserve, unless a table has more than four times as many.
const AMPLE: u32 = 1 << 14;

/// Reads live tables.
pub trait Tables {
    /// How many rows each has.
    fn sizes(&self) -> Sizes;
    /// A row of the service table, below [`Sizes::services`].
    fn service(&self, row: u32) -> ServiceRow;
    /// A row of the member map, below [`Sizes::members`].
    fn member(&self, row: MemberRowId) -> MemberRow;
    /// The tunnel of a member.
    fn tunnel(&self, row: MemberRowId) -> TunnelRow;
    /// A row of the next-hop map.
    fn next_hop(&self, row: u32) -> NextHopRow;
    /// A slot, counted from the first slot of the slot map.
    fn slot(&self, index: u32) -> Slot;
    /// Four slots as they lie in memory, the first of them with this index, a multiple of [`SLOTS_PER_WORD`].
    fn slot_word(&self, index: u32) -> u64;
    /// How many slots of a table are tracked; four are looked at together, because there may be millions.
    fn tracked(&self, table: TableRef) -> u32 {
        let first = table.block() * SLOTS_PER_BLOCK;
        let end = table.block() * SLOTS_PER_BLOCK + table.size();
        let words = end - table.size() % SLOTS_PER_WORD;
        let tracked = |index| (self.slot_word(index) & TRACKED).count_ones();
        let rest = (words..end).filter(|index| self.slot(*index).is_tracked());
        let words = (first..words).step_by(SLOTS_PER_WORD as usize);
        words.map(tracked).sum::<u32>() + rest.count() as u32
    }
    /// What a tracked slot was before, by the same index.
    fn previous(&self, index: u32) -> Previous;
    /// The table whose slots tell what was before, for the service in this row; without slots where it is its own.
    fn old_table(&self, row: u32) -> TableRef;
    /// The flow clock.
    fn clock(&self) -> u64;
    /// Entries that a flow table has room for.
    fn flow_capacity(&self, table: FlowTable) -> u32;
    /// An entry of a flow table.
    fn flow(&self, place: FlowPlace) -> Entry;
}

/// Writes live tables, which the program reads at the same time.
pub trait TablesMut: Tables {
    /// Writes a row such that the program sees its key last.
    fn put_service(&mut self, row: u32, value: ServiceRow);
    /// Writes a row such that the program sees it unused or whole; a MAC that changes is never seen half.
    fn put_member(&mut self, row: MemberRowId, value: MemberRow);
    /// Writes the tunnel of a member. Packets that are sent at that moment may carry a mixture of both.
    fn put_tunnel(&mut self, row: MemberRowId, value: TunnelRow);
    /// Writes a row of the next-hop map, of a group that no member uses.
    fn put_next_hop(&mut self, row: u32, value: NextHopRow);
    /// Writes one slot at once.
    fn put_slot(&mut self, index: u32, slot: Slot);
    /// Writes what a slot was before, at once.
    fn put_previous(&mut self, index: u32, previous: Previous);
    /// Writes the table whose slots tell what was before, at once.
    fn put_old_table(&mut self, row: u32, table: TableRef);
    /// Writes an entry in the place of another, unless the program has changed that one; says whether it did so.
    fn replace_flow(&mut self, place: FlowPlace, old: Entry, new: Entry) -> bool;
    /// Makes rows ready for other members: their counters are zero on all CPUs, and no fragment follows to them.
    fn reset_members(&mut self, rows: &BTreeSet<MemberRowId>);
}

/// Slots in a 64-bit word.
pub const SLOTS_PER_WORD: u32 = 4;
/// The flags of the four slots in a word.
const TRACKED: u64 = 0x0001_0001_0001_0001 * Slot::tracked(0).0 as u64;
const _: () = assert!(size_of::<Slot>() * SLOTS_PER_WORD as usize == size_of::<u64>());
