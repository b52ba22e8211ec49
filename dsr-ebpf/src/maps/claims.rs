//! The ring buffer that reports VIP claims to the agent.

use aya_ebpf::{
    macros::map,
    maps::{PerCpuArray, RingBuf},
};
use dsr_common::{
    claim::{ClaimBudget, VipClaim},
    limits::{CLAIMS_PER_SECOND, EVENT_BYTES},
};

use super::{own, rate::seconds};

#[map]
static EVENTS: RingBuf = RingBuf::with_byte_size(EVENT_BYTES, 0);
#[map]
static CLAIMS: PerCpuArray<ClaimBudget> = PerCpuArray::with_max_entries(1, 0);

/// Reports a claim to the agent, or counts it as lost. Calls helpers.
#[inline(always)]
pub(crate) fn tell(claim: VipClaim) {
    let Some(budget) = own(&CLAIMS, 0) else {
        return;
    };
    let now = seconds();
    let may_tell = budget.change(|budget| {
        if budget.second != now {
            (budget.second, budget.seen) = (now, 0);
        }
        budget.seen += 1;
        budget.seen <= CLAIMS_PER_SECOND
    });
    if may_tell && let Some(mut event) = EVENTS.reserve::<VipClaim>(0) {
        event.write(claim);
        event.submit(0);
    } else {
        budget.change(|budget| budget.lost += 1);
    }
}
