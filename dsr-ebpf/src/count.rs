//! Counters: one row per member for frames that were sent, one row per reason for all others.

use dsr_common::stats::{Reason, reason_row};

use crate::maps;

/// Counts a frame sent to a member: bytes of the received link header and the IP packet, and whether it opens a TCP
/// connection.
#[inline(always)]
pub(crate) fn member(row: u32, bytes: usize, opens: bool) -> Result<(), Reason> {
    maps::add_member(row, bytes as u64, opens).ok_or(Reason::DropInconsistent)
}

/// Counts a frame that came back from a member; its reason is counted separately.
#[inline(always)]
pub(crate) fn came_back(row: u32) {
    maps::add_loop(row);
}

/// Counts the reason of a frame that is not sent.
#[inline(always)]
pub(crate) fn reason(interface_row: u32, reason: Reason) {
    maps::add_reason(reason_row(interface_row, reason));
}
