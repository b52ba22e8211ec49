//! What is remembered while slots are tracked.

use core::ptr::{addr_of, read_volatile, write_volatile};

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
    track::{Entry, FlowSet, WAYS, set},
};

#[map]
static PREVIOUS: Array<PreviousBlock> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
static OLD_TABLES: Array<TableRef> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
static FLOWS: Array<FlowSet> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
static SYNS: Array<FlowSet> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
static CLOCK: Array<u64> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
static TRACKING: PerCpuArray<u64> = PerCpuArray::with_max_entries(Tracking::ALL.len() as u32, 0);

#[unsafe(no_mangle)]
static FLOW_MASK: u32 = 0;
#[unsafe(no_mangle)]
static SYN_MASK: u32 = 0;

/// What is kept beside the slot at `index` of the table that starts at row `block`.
#[inline(always)]
pub(crate) fn previous(block: u32, index: u32) -> Option<Previous> {
    let row = PREVIOUS.get_ptr(block + index / SLOTS_PER_BLOCK)?;
    // SAFETY: an element of the array, and the remainder is below its length.
    Some(Previous(unsafe { read_volatile(addr_of!((*row).0).cast::<u32>().add((index % SLOTS_PER_BLOCK) as usize)) }))
}

/// The table whose slots index the previous members of the service in this row; zero where it is its own.
#[inline(always)]
pub(crate) fn old_table(row: u32) -> Option<TableRef> {
    let table = OLD_TABLES.get_ptr(row)?;
    // SAFETY: an element of the array.
    Some(unsafe { read_volatile(table) })
}

/// The flow clock.
#[inline(always)]
pub(crate) fn clock() -> Option<u64> {
    let clock = CLOCK.get_ptr(0)?;
    // SAFETY: an element of the array.
    Some(unsafe { read_volatile(clock) })
}

/// The two tables of flows.
#[derive(Clone, Copy)]
pub(crate) enum FlowTable {
    /// Those of which more than one packet was seen.
    Known = 0,
    /// Those of which one was.
    New = 1,
}

impl FlowTable {
    #[inline(always)]
    pub(crate) const fn of_number(number: u64) -> Self {
        if number == 0 { Self::Known } else { Self::New }
    }
}

/// One set of either. CPUs may write it at the same time: a word is written at once, so an entry may be lost, but never
/// be half another's.
pub(crate) struct Flows(*mut FlowSet);

/// The set that a flow's entry is in.
#[inline(always)]
pub(crate) fn flows(table: FlowTable, hash: u64) -> Option<Flows> {
    // SAFETY: statics; volatile because the loader replaces the values.
    let (known, new) = unsafe { (read_volatile(addr_of!(FLOW_MASK)), read_volatile(addr_of!(SYN_MASK))) };
    match table {
        FlowTable::Known => FLOWS.get_ptr_mut(set(hash, known)),
        FlowTable::New => SYNS.get_ptr_mut(set(hash, new)),
    }
    .map(Flows)
}

impl Flows {
    /// The entry at `way`, below [`WAYS`].
    #[inline(always)]
    pub(crate) fn entry(&self, way: usize) -> Entry {
        // SAFETY: an element of the array; the remainder keeps the index within the set.
        Entry::from_word(unsafe { read_volatile(self.0.cast::<u64>().add(way % WAYS)) })
    }

    #[inline(always)]
    pub(crate) fn set_entry(&self, way: usize, entry: Entry) {
        // SAFETY: as above.
        unsafe { write_volatile(self.0.cast::<u64>().add(way % WAYS), entry.word()) };
    }
}

/// This CPU's count of what was done.
#[inline(always)]
pub(crate) fn add_tracking(tracking: Tracking) {
    if let Some(count) = TRACKING.get_ptr_mut(tracking as u32) {
        // SAFETY: this CPU's element; XDP does not run twice at once on a CPU.
        unsafe { *count += 1 };
    }
}
