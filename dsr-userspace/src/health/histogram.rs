//! How long probes took. Pure.

use std::time::Duration;

/// Probes by how long they took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// How many took no longer than the bound of the same index in [`BOUNDS`], and longer than the one before.
    pub counts: [u64; BOUNDS.len()],
    /// How many there were.
    pub count: u64,
    /// How long all took together, in seconds.
    pub sum: f64,
}

impl Histogram {
    /// How many took longer than the last bound.
    pub fn beyond(&self) -> u64 {
        self.count - self.counts.iter().sum::<u64>()
    }

    /// Counts a probe.
    pub fn record(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        if let Some(index) = BOUNDS.iter().position(|bound| seconds <= *bound) {
            self.counts[index] += 1;
        }
        self.count += 1;
        self.sum += seconds;
    }
}

/// Bounds in seconds: from an answer of the same segment to the longest timeouts.
pub const BOUNDS: [f64; 13] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_counted_once() {
        let mut histogram = Histogram::default();
        for millis in [0, 1, 2, 7_000] {
            histogram.record(Duration::from_millis(millis));
        }
        assert_eq!((histogram.count, histogram.counts.iter().sum::<u64>()), (4, 3));
        assert_eq!(histogram.counts[..3], [1, 1, 1]);
        assert!((histogram.sum - 7.003).abs() < 1e-9);
    }
}
