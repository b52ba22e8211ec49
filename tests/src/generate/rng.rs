//! Numbers that look like chance and are the same on every machine.

use dsr_common::hash::split_mix;

/// A sequence of numbers.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
    number: u64,
}

impl Rng {
    /// The sequence of one case.
    pub fn new(seed: u64, number: u64) -> Self {
        let mut state = seed;
        let mut state = split_mix(&mut state) ^ number;
        split_mix(&mut state);
        Self { state, number }
    }

    /// The number of the case, for what has to differ from all other cases.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// Any number.
    pub const fn next(&mut self) -> u64 {
        split_mix(&mut self.state)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// True once in `odds`.
    pub fn one_in(&mut self, odds: usize) -> bool {
        self.below(odds) == 0
    }

    /// Any byte.
    pub const fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    /// So many bytes.
    pub fn octets(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// One of these, by weight.
    pub(super) fn weighted<T: Copy>(&mut self, from: &[(u64, &'static str, T)]) -> (&'static str, T) {
        let sum: u64 = from.iter().map(|(weight, ..)| weight).sum();
        let mut at = self.next() % sum;
        for (weight, name, what) in from {
            if at < *weight {
                return (name, *what);
            }
            at -= weight;
        }
        unreachable!("the weights sum up to more than any choice")
    }
}
