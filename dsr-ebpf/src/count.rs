//! Counts: a row a member for frames that were sent, a row a reason for all others.

use dsr_common::stats::{Reason, reason_row};

use crate::maps;

/// Counts a frame that goes to a member: bytes of link header and IP packet as it came in, and whether it opens a TCP
/// connection.
#[inline(always)]
pub(crate) fn member(row: u32, bytes: usize, opens: bool) -> Result<(), Reason> {
    maps::add_member(row, bytes as u64, opens).ok_or(Reason::DropInconsistent)
}

/// Counts a frame that came back from a member; its reason is counted as well.
#[inline(always)]
pub(crate) fn came_back(row: u32) {
    maps::add_loop(row);
}

/// Counts why a frame goes no further.
#[inline(always)]
pub(crate) fn reason(interface_row: u32, reason: Reason) {
    maps::add_reason(reason_row(interface_row, reason));
}
