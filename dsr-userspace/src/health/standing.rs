//! Up or down, after so many results in a row. Pure.

use std::num::NonZeroU32;

/// How a backend stands: up until it is known better, so that an agent that starts takes nothing away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    is_up: bool,
    /// Results in a row that speak against it.
    against: u32,
}

/// A change of how a backend stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
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

impl Default for Standing {
    fn default() -> Self {
        Self { is_up: true, against: 0 }
    }
}

impl Standing {
    pub(super) const fn is_up(self) -> bool {
        self.is_up
    }

    /// Takes a result in; `rise` and `fall` are how many in a row it takes to change.
    pub(super) fn record(&mut self, result: Result, rise: NonZeroU32, fall: NonZeroU32) -> Option<Turn> {
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
        Some(if self.is_up { Turn::Up } else { Turn::Down })
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

    fn turns(results: &str) -> Vec<(usize, Turn)> {
        let mut standing = Standing::default();
        let result = |c| if c == '+' { Result::Passed } else { Result::Failed };
        let turn = |(index, c)| standing.record(result(c), RISE, FALL).map(|turn| (index, turn));
        results.chars().enumerate().filter_map(turn).collect()
    }

    #[test]
    fn it_takes_fall_failures_in_a_row() {
        assert_eq!(turns("+--+--+"), []);
        assert_eq!(turns("--+---"), [(5, Turn::Down)]);
        assert_eq!(turns("------"), [(2, Turn::Down)]);
    }

    #[test]
    fn it_takes_rise_passes_in_a_row() {
        assert_eq!(turns("---+-+-+"), [(2, Turn::Down)]);
        assert_eq!(turns("---+-++---"), [(2, Turn::Down), (6, Turn::Up), (9, Turn::Down)]);
    }

    #[test]
    fn what_leaves_it_down_is_known_before() {
        let mut standing = Standing::default();
        assert!(!standing.is_down_with_one_more(FALL));
        standing.record(Result::Failed, RISE, FALL);
        assert!(!standing.is_down_with_one_more(FALL));
        standing.record(Result::Failed, RISE, FALL);
        assert!(standing.is_down_with_one_more(FALL));
        standing.record(Result::Failed, RISE, FALL);
        assert!(standing.is_down_with_one_more(FALL), "it is down");
    }
}
