//! What an operator says of a backend beside the file.

use super::Weight;

/// What counts in place of the weight in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Override {
    /// No new flows; it keeps those that it has.
    Drain,
    /// This weight.
    Weight(Weight),
}

impl Override {
    /// The weight that counts.
    pub const fn weight(self) -> Weight {
        match self {
            Self::Drain => Weight::ZERO,
            Self::Weight(weight) => weight,
        }
    }
}
