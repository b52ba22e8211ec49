//! This CPU's counters: one row per member, one row per reason.

use aya_ebpf::{macros::map, maps::PerCpuArray};
use dsr_common::stats::{Counters, REASON_ROWS};

use super::own;

#[map]
static COUNTERS: PerCpuArray<Counters> = PerCpuArray::with_max_entries(1, 0);
#[map]
static REASONS: PerCpuArray<u64> = PerCpuArray::with_max_entries(REASON_ROWS, 0);

/// This CPU's counters of a member.
#[inline(always)]
pub(crate) fn add_member(row: u32, bytes: u64, opens: bool) -> Option<()> {
    own(&COUNTERS, row)?.change(|counters| {
        counters.packets += 1;
        counters.bytes += bytes;
        if opens {
            counters.new_flows += 1;
        }
    });
    Some(())
}

/// Counts a frame that came back from a member.
#[inline(always)]
pub(crate) fn add_loop(row: u32) {
    if let Some(counters) = own(&COUNTERS, row) {
        counters.change(|counters| counters.loops += 1);
    }
}

/// This CPU's counter of a reason.
#[inline(always)]
pub(crate) fn add_reason(row: u32) {
    if let Some(count) = own(&REASONS, row) {
        count.change(|count| *count += 1);
    }
}
