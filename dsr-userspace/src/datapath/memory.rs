//! How much memory the tables take, before they are made.

use aya::util::nr_cpus;
use dsr_common::{
    fragment::FragmentSet,
    limits::FRAGMENT_SETS,
    member::MemberRow,
    previous::PreviousBlock,
    service::{ServiceRow, TableRef},
    slot::SlotBlock,
    stats::Counters,
    track::FlowSet,
};

use crate::reconcile::Sizes;

/// Each table with its octets in the kernel.
pub fn memory(sizes: Sizes) -> Vec<(&'static str, u64)> {
    // Counters have a row on every CPU that there could be, and one for what was counted before.
    let counters = size_of::<Counters>() * (nr_cpus().unwrap_or(1) + 1);
    let tables = [
        ("services", sizes.services, size_of::<ServiceRow>() + size_of::<TableRef>()),
        ("members", sizes.members, size_of::<MemberRow>() + counters),
        ("slots", sizes.blocks, size_of::<SlotBlock>() + size_of::<PreviousBlock>()),
        ("flows", sizes.flow_sets, size_of::<FlowSet>()),
        ("syns", sizes.syn_sets, size_of::<FlowSet>()),
        ("fragments", FRAGMENT_SETS, size_of::<FragmentSet>()),
    ];
    tables.into_iter().map(|(name, rows, row)| (name, u64::from(rows) * row as u64)).collect()
}
