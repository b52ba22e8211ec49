//! The slot of a flow.

use dsr_common::{service::TableRef, slot, stats::Reason};

use crate::maps;

/// The number of the member that the slot of `hash` names.
#[inline(always)]
pub(super) fn current(table: TableRef, hash: u64) -> Result<u32, Reason> {
    let index = slot::index(hash, table.size());
    let slot = maps::slot(table.block(), index).ok_or(Reason::DropInconsistent)?;
    // As a word of 32 bits, so that it travels beside the reason and not packed into one register with it.
    slot.member().map(u32::from).ok_or(Reason::DropNoBackend)
}
