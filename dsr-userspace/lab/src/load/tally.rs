//! What came of the requests. Pure.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::http::Failure;

/// What came of the requests.
#[derive(Clone, Debug)]
pub struct Tally {
    failed: u64,
    answered: Vec<u64>,
    latency: Histogram<u64>,
    last_failure: Option<String>,
}

impl Tally {
    /// Of no requests yet, to this many backends.
    pub fn new(backends: usize) -> Self {
        Self { failed: 0, answered: vec![0; backends], latency: histogram(), last_failure: None }
    }

    /// Adds a request: the position of the backend that answered, or why none did.
    pub fn record(&mut self, outcome: Result<usize, Failure>, latency: Duration) {
        match outcome {
            Ok(backend) => {
                self.answered[backend] += 1;
                self.latency.saturating_record(latency.as_micros() as u64);
            }
            Err(failure) => {
                self.failed += 1;
                self.last_failure = Some(failure.to_string());
            }
        }
    }

    /// All requests.
    pub fn requests(&self) -> u64 {
        self.answered.iter().sum::<u64>() + self.failed
    }

    /// Requests without a good answer.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// Good answers, by the position of the backend.
    pub fn answered(&self) -> &[u64] {
        &self.answered
    }

    /// Milliseconds within which this share (0 to 1) of the good answers came; zero where there are none.
    pub fn latency_ms(&self, share: f64) -> f64 {
        if self.latency.is_empty() { 0.0 } else { self.latency.value_at_quantile(share) as f64 / 1e3 }
    }

    /// Why the last request failed that did.
    pub fn last_failure(&self) -> Option<&str> {
        self.last_failure.as_deref()
    }

    /// What came since an earlier tally of the same load.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut since = self.clone();
        since.failed -= earlier.failed;
        for (answered, before) in since.answered.iter_mut().zip(&earlier.answered) {
            *answered -= before;
        }
        if since.latency.subtract(&earlier.latency).is_err() {
            since.latency.reset();
        }
        since
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(LONGEST, DIGITS).expect("the bounds are what the crate documents as valid")
}

/// Longest latency that is recorded exactly, in microseconds.
const LONGEST: u64 = 60_000_000;
/// Decimal digits to which a latency is kept.
const DIGITS: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_failures_add_up() {
        let mut tally = Tally::new(2);
        tally.record(Ok(1), Duration::from_millis(2));
        tally.record(Err(Failure::Timeout(Duration::from_secs(2))), Duration::from_secs(2));
        assert_eq!((tally.requests(), tally.failed(), tally.answered()), (2, 1, &[0, 1][..]));
        assert_eq!(tally.last_failure(), Some("no answer within 2000 ms"));
        assert!((tally.latency_ms(0.5) - 2.0).abs() < 0.01);
    }

    #[test]
    fn since_is_what_came_between() {
        let mut tally = Tally::new(1);
        tally.record(Ok(0), Duration::from_millis(1));
        let earlier = tally.clone();
        tally.record(Ok(0), Duration::from_millis(50));
        let since = tally.since(&earlier);
        assert_eq!(since.requests(), 1);
        assert!((since.latency_ms(0.5) - 50.0).abs() < 0.1);
    }

    #[test]
    fn no_answers_have_no_latency() {
        assert!(Tally::new(1).latency_ms(0.99).abs() < f64::EPSILON);
    }
}
