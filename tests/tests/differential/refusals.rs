//! Keeps the program below the rate at which it stops to refuse, which the model does not know.

use std::{
    collections::VecDeque,
    thread,
    time::{Duration, Instant},
};

use dsr_common::limits::REJECTS_PER_SECOND;
use dsr_tests::model::{Decision, Why};

/// The program counts by the second, of which this is a little more.
const PERIOD: Duration = Duration::from_millis(1200);

/// When the program was made to refuse, or to think of it: as many times as it may within a period.
#[derive(Default)]
pub(super) struct Refusals(VecDeque<Instant>);

impl Refusals {
    /// Waits, where the program has had to refuse too often, before it is given this frame.
    pub(super) fn before(&mut self, decision: &Decision) {
        if !matches!(decision.why, Why::Reason("answer_reject" | "drop_no_backend" | "answer_too_big" | "drop_too_big"))
        {
            return;
        }
        if self.0.len() as u64 >= REJECTS_PER_SECOND {
            let first = self.0.pop_front();
            thread::sleep(first.map_or(Duration::ZERO, |first| PERIOD.saturating_sub(first.elapsed())));
        }
        self.0.push_back(Instant::now());
    }
}
