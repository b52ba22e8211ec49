//! Whether the agent lives: it writes until when it counts as alive, again and again.

use aya_ebpf::{bindings::BPF_F_MMAPABLE, macros::map, maps::Array};
use dsr_common::heartbeat::Heartbeat;

use super::{coarse_nanoseconds, element, ticks};

#[map]
static HEARTBEAT: Array<Heartbeat> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Whether the agent said lately that it lives.
///
/// The clock is a helper, whose call costs more than all that is done with a plain packet: it is read once a tick, and what
/// it showed holds for the rest of that.
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
