//! What an operator is told in the log.

pub(super) mod loops;
pub(super) mod preflight;
pub(super) mod reach;
