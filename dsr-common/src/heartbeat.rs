//! The agent's heartbeat, and when the program last checked it.

/// The only row of the heartbeat map, in words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(16))]
pub struct Heartbeat {
    /// Until when the agent counts as alive, in nanoseconds of the kernel's monotonic clock. Written by the agent.
    pub alive_until: u64,
    /// The kernel timer tick in which the program last found the agent alive; zero, which is never a tick, if the time
    /// above has changed since.
    pub lived_at: u64,
}

const _: () = assert!(size_of::<Heartbeat>() == 16);

impl Heartbeat {
    /// The word of [`Heartbeat::alive_until`].
    pub const ALIVE_UNTIL: usize = 0;
    /// The word of [`Heartbeat::lived_at`].
    pub const LIVED_AT: usize = 1;
}
