//! Simulated time: ticks since a run began.

/// An instant of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u32);

impl Moment {
    const TICKS_PER_SECOND: f64 = 100.0;

    /// So many seconds after the begin.
    pub(crate) fn at(seconds: f64) -> Self {
        Self((seconds * Self::TICKS_PER_SECOND) as u32)
    }

    /// So many seconds later, at least one tick.
    pub(crate) fn after(self, seconds: f64) -> Self {
        Self(self.0.saturating_add(Self::at(seconds).0.max(1)))
    }

    /// Seconds since the begin.
    pub(crate) fn seconds(self) -> f64 {
        f64::from(self.0) / Self::TICKS_PER_SECOND
    }

    /// The number of its tick.
    pub(crate) fn tick(self) -> usize {
        self.0 as usize
    }

    /// Every tick before this one.
    pub(crate) fn before(self) -> impl Iterator<Item = Self> {
        (0..self.0).map(Self)
    }
}
