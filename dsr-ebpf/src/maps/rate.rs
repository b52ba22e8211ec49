//! Rate limits: how often this CPU did something in one second.

use aya_ebpf::{macros::map, maps::PerCpuArray};

use super::{nanoseconds, own};

#[map]
static REJECTS: PerCpuArray<Rate> = PerCpuArray::with_max_entries(1, 0);
#[map]
static TOO_BIG: PerCpuArray<Rate> = PerCpuArray::with_max_entries(1, 0);

/// A count and the second that it is for.
#[repr(C)]
pub(super) struct Rate {
    second: u64,
    times: u64,
}

/// Whether this CPU may send another rejection, at most `most` per second. Calls a helper.
#[inline(always)]
pub(crate) fn may_reject(most: u64) -> bool {
    may(&REJECTS, most)
}

/// Whether this CPU may tell another sender that its packet is too big, at most `most` times per second. Calls a helper.
#[inline(always)]
pub(crate) fn may_tell_too_big(most: u64) -> bool {
    may(&TOO_BIG, most)
}

/// Whether another one is allowed; counts it.
#[inline(always)]
pub(super) fn may(rates: &PerCpuArray<Rate>, most: u64) -> bool {
    let Some(rate) = own(rates, 0) else {
        return false;
    };
    let now = seconds();
    rate.change(|rate| {
        if rate.second != now {
            (rate.second, rate.times) = (now, 0);
        }
        rate.times += 1;
        rate.times <= most
    })
}

/// Seconds (of 2^30 ns) since boot. Calls a helper.
#[inline(always)]
pub(crate) fn seconds() -> u64 {
    nanoseconds() >> 30
}
