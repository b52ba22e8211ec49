//! What was counted, and what goes on. Pure: the time is told.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    time::{Duration, Instant},
};

use super::{kind::ErrorKind, message::TunnelError};
use crate::model::{Desired, Forward, PooledBackend};

/// A backend that a tunnel leads to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TunnelEnd {
    /// Its pool's name.
    pub pool: String,
    /// Its own name.
    pub backend: String,
}

/// Errors of one kind about the packets to a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorCount {
    /// How many there were.
    pub errors: u64,
    /// The last one's sender.
    pub from: IpAddr,
    /// The last one's path MTU, where it has one.
    pub mtu: Option<u16>,
    /// Whether the last one came less than [`QUIET`] ago.
    pub goes_on: bool,
    last: Instant,
}

/// Counts by backend and kind, and which backends there are.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    ends: HashMap<IpAddr, Vec<(Forward, TunnelEnd)>>,
    counts: BTreeMap<(TunnelEnd, ErrorKind), ErrorCount>,
}

/// How long no error comes until a fault counts as over.
pub const QUIET: Duration = Duration::from_secs(60);

impl ErrorCount {
    pub(crate) const fn new(from: IpAddr, now: Instant) -> Self {
        Self { errors: 0, from, mtu: None, goes_on: false, last: now }
    }
}

impl Ledger {
    /// Other backends: what was counted of those that are gone is forgotten. Gives whether a tunnel leads to any.
    pub(super) fn set_ends(&mut self, desired: &Desired) -> bool {
        let mut ends = HashMap::<IpAddr, Vec<(Forward, TunnelEnd)>>::new();
        for service in desired.of_each_list().filter(|service| service.forward.mode().encapsulates()) {
            for PooledBackend { pool, backend } in service.backends_by_pool() {
                let end = TunnelEnd { pool: pool.to_owned(), backend: backend.name.clone() };
                let known = ends.entry(backend.address).or_default();
                if !known.iter().any(|(_, other)| *other == end) {
                    known.push((service.forward, end));
                }
            }
        }
        self.ends = ends;
        let kept: BTreeSet<&TunnelEnd> = self.ends.values().flatten().map(|(_, end)| end).collect();
        self.counts.retain(|(end, _), _| kept.contains(end));
        !self.ends.is_empty()
    }

    /// Counts an error on each backend that it may be about: one that is in several pools with the same kind of tunnel is
    /// several. Gives those where it begins.
    pub(super) fn note(&mut self, error: &TunnelError, from: IpAddr, now: Instant) -> Vec<TunnelEnd> {
        let mut begun = Vec::new();
        let ends = self.ends.get(&error.backend).into_iter().flatten();
        for (_, end) in ends.filter(|(forward, _)| error.tunnel.is_of(*forward)) {
            let count = self.counts.entry((end.clone(), error.kind)).or_insert_with(|| ErrorCount::new(from, now));
            if !count.goes_on {
                begun.push(end.clone());
            }
            *count = ErrorCount { errors: count.errors + 1, from, mtu: error.mtu, goes_on: true, last: now };
        }
        begun
    }

    /// What has gone on until now and is over.
    pub(super) fn end(&mut self, now: Instant) -> Vec<(TunnelEnd, ErrorKind)> {
        let is_over = |count: &ErrorCount| count.goes_on && now.saturating_duration_since(count.last) >= QUIET;
        let over = self.counts.iter_mut().filter(|(_, count)| is_over(count));
        over.map(|(key, count)| {
            count.goes_on = false;
            key.clone()
        })
        .collect()
    }

    /// All that was counted.
    pub(super) const fn counts(&self) -> &BTreeMap<(TunnelEnd, ErrorKind), ErrorCount> {
        &self.counts
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
