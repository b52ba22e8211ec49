//! The slot of a flow.

use dsr_common::{service::TableRef, slot, stats::Reason};

use crate::maps;

/// The number of the member that the slot of `hash` names.
#[inline(always)]
pub(super) fn current(table: TableRef, hash: u64) -> Result<u16, Reason> {
    let index = slot::index(hash, table.size());
    maps::slot(table.block(), index).ok_or(Reason::DropInconsistent)?.member().ok_or(Reason::DropNoBackend)
}
