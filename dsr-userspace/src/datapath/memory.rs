//! How much memory the tables take, before they are made.

use aya::util::nr_cpus;
use dsr_common::{
    fragment::FragmentSet,
    limits::FRAGMENT_SETS,
    member::MemberRows,
    previous::PreviousBlock,
    service::{ServiceRow, TableRef},
    slot::{self, SlotBlock},
    stats::Counters,
    track::FlowSet,
};

use crate::reconcile::Sizes;

/// Each table with its bytes in the kernel.
pub fn memory(sizes: Sizes) -> Vec<(&'static str, u64)> {
    let tables = [
        ("services", sizes.services, size_of::<ServiceRow>() + size_of::<TableRef>()),
        ("members", sizes.members, member()),
        ("slots", sizes.blocks, BLOCK),
        ("established", sizes.established_sets, size_of::<FlowSet>()),
        ("embryonic", sizes.embryonic_sets, size_of::<FlowSet>()),
        ("fragments", FRAGMENT_SETS, size_of::<FragmentSet>()),
    ];
    tables.into_iter().map(|(name, rows, row)| (name, u64::from(rows) * row as u64)).collect()
}

/// Bytes of those that are one service's: its members and its slots.
pub fn memory_of(service: ServiceRow) -> u64 {
    let members = u64::from(service.members.capacity()) * member() as u64;
    members + u64::from(slot::blocks(service.table.size())) * BLOCK as u64
}

/// A member's row, and its counters: a row on every CPU that there could be, and one for what was counted before.
fn member() -> usize {
    size_of::<MemberRows>() + size_of::<Counters>() * (nr_cpus().unwrap_or(1) + 1)
}

/// A block of slots, with what is kept beside it.
const BLOCK: usize = size_of::<SlotBlock>() + size_of::<PreviousBlock>();
