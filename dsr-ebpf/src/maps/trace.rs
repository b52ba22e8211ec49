//! The filter of `dsr trace`, and this CPU's record of the current frame.

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    macros::map,
    maps::{Array, PerCpuArray},
};
use dsr_common::trace::{RECORD, TraceFilter, TraceRecord};

use super::{
    element, nanoseconds, own,
    rate::{Rate, may},
};

#[map]
static TRACE_FILTER: Array<TraceFilter> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
static TRACED: PerCpuArray<TraceRecord> = PerCpuArray::with_max_entries(1, 0);
#[map]
static TRACES: PerCpuArray<Rate> = PerCpuArray::with_max_entries(1, 0);

/// The trace filter. The agent writes it before the program that reads it runs.
#[inline(always)]
pub(crate) fn trace_filter() -> Option<TraceFilter> {
    element(&TRACE_FILTER, 0).map(|filter| filter.load())
}

/// Whether this CPU may log another frame, at most `most` per second. Calls a helper.
#[inline(always)]
pub(crate) fn may_tell(most: u64) -> bool {
    may(&TRACES, most)
}

/// Starts the record.
#[inline(always)]
pub(crate) fn set_traced(record: TraceRecord) {
    if let Some(traced) = own(&TRACED, 0) {
        traced.change(|traced| *traced = record);
    }
}

/// Sets the selected member.
#[inline(always)]
pub(crate) fn set_traced_row(row: u32) {
    if let Some(traced) = own(&TRACED, 0) {
        traced.change(|traced| traced.row = row);
    }
}

/// Sets the outcome.
#[inline(always)]
pub(crate) fn set_traced_outcome(outcome: u32) {
    if let Some(traced) = own(&TRACED, 0) {
        traced.change(|traced| traced.outcome = outcome);
    }
}

/// Sets the time and passes the record's bytes to the caller; `None` if no record is in use. Calls a helper.
#[inline(always)]
pub(crate) fn traced() -> Option<&'static [u8; RECORD]> {
    let traced = own(&TRACED, 0)?;
    if traced.change(|traced| traced.family == 0) {
        return None;
    }
    traced.change(|traced| traced.time = nanoseconds());
    // Nothing writes to it before the next frame.
    Some(traced.bytes())
}
