//! The maps behind tracked slots.

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    macros::map,
    maps::{Array, PerCpuArray},
};
use dsr_common::{
    limits::SLOTS_PER_BLOCK,
    previous::{Previous, PreviousBlock},
    service::TableRef,
    stats::Tracking,
    track::{Entry, FlowSet, set},
};

use super::{Element, element, flow_masks, own};

#[map]
static PREVIOUS: Array<PreviousBlock> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
static OLD_TABLES: Array<TableRef> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
static ESTABLISHED: Array<FlowSet> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
static EMBRYONIC: Array<FlowSet> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
static CLOCK: Array<u64> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
static TRACKING: PerCpuArray<u64> = PerCpuArray::with_max_entries(Tracking::ALL.len() as u32, 0);

/// The previous member of the slot at `index` of the table that starts at row `block`.
#[inline(always)]
pub(crate) fn previous(block: u32, index: u32) -> Option<Previous> {
    let row = element(&PREVIOUS, block + index / SLOTS_PER_BLOCK)?;
    Some(Previous(row.half_word((index % SLOTS_PER_BLOCK) as usize)))
}

/// The table whose slots index the previous members of the service in this row; zero if it is the service's own.
#[inline(always)]
pub(crate) fn old_table(row: u32) -> Option<TableRef> {
    element(&OLD_TABLES, row).map(|table| table.load())
}

/// The flow clock.
#[inline(always)]
pub(crate) fn clock() -> Option<u64> {
    element(&CLOCK, 0).map(|clock| clock.load())
}

/// The two flow tables.
#[derive(Clone, Copy)]
pub(crate) enum FlowTable {
    /// Flows of which more than one packet was seen.
    Established = 0,
    /// Flows of which one packet was seen.
    Embryonic = 1,
}

/// One set of either table. CPUs may write it concurrently: each word is written atomically, so an entry may be lost
/// but never mixed with another.
pub(crate) struct Flows(Element<FlowSet>);

/// The set of a flow's entry.
#[inline(always)]
pub(crate) fn flows(table: FlowTable, hash: u64) -> Option<Flows> {
    let (known, new) = flow_masks();
    match table {
        FlowTable::Established => element(&ESTABLISHED, set(hash, known)),
        FlowTable::Embryonic => element(&EMBRYONIC, set(hash, new)),
    }
    .map(Flows)
}

impl Flows {
    /// The entry at `way`, below [`dsr_common::track::WAYS`].
    #[inline(always)]
    pub(crate) fn entry(&self, way: usize) -> Entry {
        Entry::from_word(self.0.word(way))
    }

    #[inline(always)]
    pub(crate) fn set_entry(&self, way: usize, entry: Entry) {
        self.0.set_word(way, entry.word());
    }
}

/// Increments this CPU's counter of an event.
#[inline(always)]
pub(crate) fn add_tracking(tracking: Tracking) {
    if let Some(count) = own(&TRACKING, tracking as u32) {
        count.change(|count| *count += 1);
    }
}
