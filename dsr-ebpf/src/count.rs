//! Counts: a row a member for frames that were sent, a row a reason for all others.

use dsr_common::stats::{Reason, reason_row};

use crate::{maps, parse::Packet};

/// Counts a frame that goes to a member.
#[inline(always)]
pub(crate) fn member(row: u32, packet: &Packet) -> Result<(), Reason> {
    maps::add_member(row, u64::from(packet.octets), u64::from(packet.opens)).ok_or(Reason::DropInconsistent)
}

/// Counts why a frame goes no further.
#[inline(always)]
pub(crate) fn reason(interface_row: u32, reason: Reason) {
    maps::add_reason(reason_row(interface_row, reason));
}
