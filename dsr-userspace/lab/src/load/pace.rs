//! When the next request may go.

use std::{
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{self, Instant};

use crate::stop::Stop;

/// Hands out turns at a fixed rate.
#[derive(Debug)]
pub(super) struct Pace {
    gap: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    /// This many turns a second, the first at once.
    pub(super) fn new(rate: NonZeroU32) -> Self {
        Self { gap: Duration::from_secs(1) / rate.get(), next: Mutex::new(Instant::now()) }
    }

    /// Waits for a turn; false where `stop` was set first.
    pub(super) async fn turn(&self, stop: &Stop) -> bool {
        let turn = self.take(Instant::now());
        while Instant::now() < turn && !stop.is_set() {
            time::sleep_until(turn.min(Instant::now() + LOOK)).await;
        }
        !stop.is_set()
    }

    fn take(&self, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = (*next).max(now.checked_sub(CATCH_UP).unwrap_or(now));
        *next = turn + self.gap;
        turn
    }
}

/// How far behind its schedule the load may catch up; what it missed before that is not sent.
const CATCH_UP: Duration = Duration::from_millis(100);
/// The longest sleep before looking at the stop flag again.
const LOOK: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_a_gap_apart() {
        let pace = Pace::new(NonZeroU32::new(100).unwrap());
        let now = Instant::now();
        let first = pace.take(now);
        assert_eq!(pace.take(now) - first, Duration::from_millis(10));
        assert_eq!(pace.take(now) - first, Duration::from_millis(20));
    }

    #[test]
    fn a_long_delay_is_not_caught_up_with() {
        let pace = Pace::new(NonZeroU32::new(100).unwrap());
        let late = Instant::now() + Duration::from_secs(60);
        assert_eq!(pace.take(late), late - CATCH_UP);
    }

    #[tokio::test]
    async fn no_turn_after_stop() {
        let stop = Stop::default();
        stop.set();
        assert!(!Pace::new(NonZeroU32::MIN).turn(&stop).await);
    }
}
