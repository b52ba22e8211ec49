//! Up or down, after so many results in a row. Pure.

use std::num::NonZeroU32;

/// How a backend stands: up until it is known better, so that an agent that starts takes nothing away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RiseFall {
    is_up: bool,
    /// Results in a row that speak against it.
    against: u32,
}

/// A change of how a backend stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HealthTransition {
    /// It is up again.
    Up,
    /// It is down.
    Down,
}

/// What a probe found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Result {
    /// The backend passed it.
    Passed,
    /// It did not.
    Failed,
}

impl Default for RiseFall {
    fn default() -> Self {
        Self { is_up: true, against: 0 }
    }
}

impl RiseFall {
    pub(super) const fn is_up(self) -> bool {
        self.is_up
    }

    /// Takes a result in; `rise` and `fall` are how many in a row it takes to change.
    pub(super) fn record(&mut self, result: Result, rise: NonZeroU32, fall: NonZeroU32) -> Option<HealthTransition> {
        if self.agrees(result) {
            self.against = 0;
            return None;
        }
        self.against += 1;
        let needed = if self.is_up { fall } else { rise };
        if self.against < needed.get() {
            return None;
        }
        *self = Self { is_up: !self.is_up, against: 0 };
        Some(if self.is_up { HealthTransition::Up } else { HealthTransition::Down })
    }

    /// Whether one more failure leaves a backend down.
    pub(super) fn is_down_with_one_more(self, fall: NonZeroU32) -> bool {
        !self.is_up || self.against + 1 >= fall.get()
    }

    fn agrees(self, result: Result) -> bool {
        self.is_up == (result == Result::Passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RISE: NonZeroU32 = NonZeroU32::new(2).unwrap();
    const FALL: NonZeroU32 = NonZeroU32::new(3).unwrap();

    fn transitions(results: &str) -> Vec<(usize, HealthTransition)> {
        let mut rise_fall = RiseFall::default();
        let result = |c| if c == '+' { Result::Passed } else { Result::Failed };
        let transition = |(index, c)| rise_fall.record(result(c), RISE, FALL).map(|transition| (index, transition));
        results.chars().enumerate().filter_map(transition).collect()
    }

    #[test]
    fn it_takes_fall_failures_in_a_row() {
        assert_eq!(transitions("+--+--+"), []);
        assert_eq!(transitions("--+---"), [(5, HealthTransition::Down)]);
        assert_eq!(transitions("------"), [(2, HealthTransition::Down)]);
    }

    #[test]
    fn it_takes_rise_passes_in_a_row() {
        assert_eq!(transitions("---+-+-+"), [(2, HealthTransition::Down)]);
        assert_eq!(
            transitions("---+-++---"),
            [(2, HealthTransition::Down), (6, HealthTransition::Up), (9, HealthTransition::Down)]
        );
    }

    #[test]
    fn what_leaves_it_down_is_known_before() {
        let mut rise_fall = RiseFall::default();
        assert!(!rise_fall.is_down_with_one_more(FALL));
        rise_fall.record(Result::Failed, RISE, FALL);
        assert!(!rise_fall.is_down_with_one_more(FALL));
        rise_fall.record(Result::Failed, RISE, FALL);
        assert!(rise_fall.is_down_with_one_more(FALL));
        rise_fall.record(Result::Failed, RISE, FALL);
        assert!(rise_fall.is_down_with_one_more(FALL), "it is down");
    }
}
