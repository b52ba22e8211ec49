//! The program in the kernel: loaded, attached and pinned for what is wanted, and its flow clock.

pub(super) mod attaching;
pub(super) mod interfaces;
pub(super) mod pinning;
pub(super) mod planning;
pub(super) mod retired_counters;
pub(super) mod spec;
pub(super) mod transitions;

#[cfg(test)]
mod tests;
