//! Where a flow's entry is in its set, or would be written.

use dsr_common::track::{Entry, WAYS, first_way};

use crate::maps::{self, FlowTable};

/// A way of a set and its contents, in one word so that a subprogram can return it.
///
/// Bits 0 to 27: row and age of the entry, as in [`Entry`]. Bits 28 to 30: the way. Bits 32 and 33: whose entry it is.
#[derive(Clone, Copy)]
pub(crate) struct Place(u64);

const WAY_SHIFT: u32 = 28;
/// The entry is the flow's own.
const FOUND: u64 = 1 << 32;
/// The entry is another flow's.
const TAKEN: u64 = 1 << 33;

impl Place {
    const fn new(way: usize, entry: Entry, whose: u64) -> Self {
        Self(entry.word() & ((1 << WAY_SHIFT) - 1) | (way as u64) << WAY_SHIFT | whose)
    }

    /// The way, below [`WAYS`].
    #[inline(always)]
    const fn way(self) -> usize {
        (self.0 >> WAY_SHIFT) as usize % WAYS
    }

    /// The flow's entry, without its tag.
    #[inline(always)]
    pub(super) const fn found(self) -> Option<Entry> {
        if self.0 & FOUND == 0 { None } else { Some(Entry::from_word(self.0 & ((1 << WAY_SHIFT) - 1))) }
    }

    /// Whether writing here evicts another flow.
    #[inline(always)]
    pub(super) const fn is_taken(self) -> bool {
        self.0 & TAKEN != 0
    }
}

subprogram! {
    /// Where a flow is in one of the two tables, or would be written.
    pub(super) fn place_of_flow(hash: u64, table: FlowTable, clock: u64) -> Place {
        search(hash, table, clock)
    }
}

scalars! {
    Place: |place| place.0, |word| Self(word);
    FlowTable: |table| table as u64,
        |word| if word == Self::Established as u64 { Self::Established } else { Self::Embryonic };
}

/// Where the flow is, otherwise the best place for it: an empty one, or the stalest entry; ties go to the first one
/// from [`first_way`] on.
#[inline(always)]
fn search(hash: u64, table: FlowTable, clock: u64) -> Place {
    let Some(flows) = maps::flows(table, hash) else { return Place(0) };
    let (mut stalest, mut most) = (Place(0), 0);
    for step in 0..WAYS {
        let way = (first_way(hash) + step) % WAYS;
        let entry = flows.entry(way);
        if entry.is_of(hash) {
            return Place::new(way, entry, FOUND);
        }
        let staleness = entry.staleness(clock);
        if step == 0 || staleness > most {
            (stalest, most) = (Place::new(way, entry, if entry.is_empty() { 0 } else { TAKEN }), staleness);
        }
    }
    stalest
}

/// Writes an entry at this place.
#[inline(always)]
pub(super) fn write(place: Place, table: FlowTable, hash: u64, entry: Entry) {
    if let Some(flows) = maps::flows(table, hash) {
        flows.set_entry(place.way(), entry);
    }
}
