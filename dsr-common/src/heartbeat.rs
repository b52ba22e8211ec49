//! The agent's sign of life, and what the program last made of it.

/// The one row of the heartbeat map, in words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(16))]
pub struct Heartbeat {
    /// Until when the agent counts as alive, in nanoseconds of the kernel's monotonic clock. The agent writes it.
    pub alive_until: u64,
    /// The tick of the kernel's timer in which the program last saw that it does; zero, which no tick is, where the time above
    /// has changed since.
    pub lived_at: u64,
}

const _: () = assert!(size_of::<Heartbeat>() == 16);

impl Heartbeat {
    /// The word of [`Heartbeat::alive_until`].
    pub const ALIVE_UNTIL: usize = 0;
    /// The word of [`Heartbeat::lived_at`].
    pub const LIVED_AT: usize = 1;
}
