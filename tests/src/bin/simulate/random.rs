//! Random numbers that are the same for the same seed, on every machine and with every release of every library.

use dsr_common::hash::split_mix;

/// A stream of random numbers.
pub(crate) struct Random(u64);

impl Random {
    /// A stream of its own for each purpose, so that more draws for one do not shift another's.
    pub(crate) fn new(seed: u64, purpose: &str) -> Self {
        let mut state = seed;
        for byte in purpose.bytes() {
            state = split_mix(&mut state) ^ u64::from(byte);
        }
        Self(state)
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        split_mix(&mut self.0)
    }

    /// Uniform in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform below `bound`, which is not zero.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.bits()) * bound as u128) >> 64) as usize
    }

    /// Exponential: the gaps of a Poisson process.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// Log-uniform between two bounds: as many from 1 to 10 as from 10 to 100.
    pub(crate) fn log_uniform(&mut self, low: f64, high: f64) -> f64 {
        low * (high / low).powf(self.unit())
    }

    /// Pareto of a shape, bounded on both sides.
    pub(crate) fn pareto(&mut self, shape: f64, low: f64, high: f64) -> f64 {
        let (from, to) = (low.powf(-shape), high.powf(-shape));
        (from - self.unit() * (from - to)).powf(-1.0 / shape)
    }
}
