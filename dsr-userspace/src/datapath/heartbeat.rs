//! The agent's sign of life: until when it counts as alive.
//!
//! A time of the future and not the present one, so that the program has nothing to do but to compare it with its clock. It
//! is shared by all loads of an agent and of the next one: while one program takes another's place, both see the same.

use std::time::Duration;

use dsr_common::{heartbeat::Heartbeat, limits::AGENT_PATIENCE_SECONDS};
use rustix::time::{ClockId, clock_gettime};

use super::Maps;

impl Maps {
    /// Says that the agent lives. To be called every second or so by what would hang if the agent did.
    pub fn beat(&self) {
        // The clock that `bpf_ktime_get_coarse_ns` reads, too.
        let now = clock_gettime(ClockId::Monotonic);
        let now = Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec as u32);
        self.set_alive_until(now + Duration::from_secs(AGENT_PATIENCE_SECONDS));
    }

    /// Until when the agent counts as alive, as time since the machine started.
    pub fn set_alive_until(&self, time: Duration) {
        // In 64 bits there are nanoseconds of 584 years.
        let alive_until = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.heartbeat.store_word(0, Heartbeat::ALIVE_UNTIL, alive_until);
        self.heartbeat.store_word(0, Heartbeat::LIVED_AT, 0);
    }
}
