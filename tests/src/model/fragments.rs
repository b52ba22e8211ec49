//! "Fragments" of the page: what became of the first fragment of a datagram.

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
    time::Duration,
};

use dsr_common::limits::FRAGMENT_SECONDS;

/// Datagrams under way that are remembered. The kernel side's table has a shape of its own and may forget earlier:
/// who compares the two stays well below either.
pub const FRAGMENTS_KEPT: usize = 4096;

/// What the fragments of one datagram have in common (RFC 791, 3.2; RFC 8200, 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Datagram {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) identification: u32,
    /// IPv4 only.
    pub(super) protocol: Option<u8>,
}

/// What became of a first fragment, and becomes of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// It went to a backend: numbers of a rule and of a backend within it.
    Sent(usize, usize),
    /// It was passed for want of an agent.
    Passed,
}

/// The datagrams whose first fragment was sent, or passed.
#[derive(Clone, Debug, Default)]
pub(super) struct Fragments {
    known: BTreeMap<Datagram, (Duration, First)>,
    /// The same, the oldest first.
    order: VecDeque<Datagram>,
}

impl Fragments {
    /// What becomes of the other fragments of a datagram.
    pub(super) fn first(&self, now: Duration, datagram: &Datagram) -> Option<First> {
        let (since, first) = self.known.get(datagram)?;
        (now.saturating_sub(*since) < Duration::from_secs(FRAGMENT_SECONDS)).then_some(*first)
    }

    /// That became of the first fragment. A datagram that is known already begins anew.
    pub(super) fn remember(&mut self, now: Duration, datagram: Datagram, first: First) {
        if self.known.insert(datagram, (now, first)).is_some() {
            self.order.retain(|known| *known != datagram);
        } else if self.known.len() > FRAGMENTS_KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(datagram);
    }
}
