//! Whether the agent is alive: it keeps extending the time until which it counts as alive.

use aya_ebpf::{bindings::BPF_F_MMAPABLE, macros::map, maps::Array};
use dsr_common::heartbeat::Heartbeat;

use super::{coarse_nanoseconds, element, ticks};

#[map]
static HEARTBEAT: Array<Heartbeat> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Whether the agent has reported within its patience.
///
/// Reading the clock is a helper call that costs more than everything else done for an ordinary packet: it is read once
/// per timer tick, and its result holds for the rest of the tick.
#[inline(always)]
pub(crate) fn agent_lives() -> bool {
    let Some(heartbeat) = element(&HEARTBEAT, 0) else { return false };
    let tick = ticks();
    if heartbeat.word(Heartbeat::LIVED_AT) == tick {
        return true;
    }
    let lives = coarse_nanoseconds() <= heartbeat.word(Heartbeat::ALIVE_UNTIL);
    if lives {
        heartbeat.set_word(Heartbeat::LIVED_AT, tick);
    }
    lives
}
