//! "Fragments" of the page: where the first fragment of a datagram went.

use std::{net::IpAddr, time::Duration};

/// How long it is remembered where a datagram went.
pub const FRAGMENT_SECONDS: u64 = 30;

/// Datagrams under way that are remembered. The kernel side's table has a shape of its own and may forget earlier:
/// who compares the two stays well below either.
pub const FRAGMENTS_KEPT: usize = 4096;

/// What the fragments of one datagram have in common (RFC 791, 3.2; RFC 8200, 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Datagram {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) identification: u32,
    /// IPv4 only.
    pub(super) protocol: Option<u8>,
}

/// Numbers of a rule and of a backend within it.
type Member = (usize, usize);

/// The datagrams whose first fragment was sent, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Fragments {
    known: Vec<(Duration, Datagram, Member)>,
}

impl Fragments {
    /// Where the other fragments of a datagram go.
    pub(super) fn member(&self, now: Duration, datagram: &Datagram) -> Option<Member> {
        let (_, _, member) = self.known.iter().find(|(since, known, _)| {
            known == datagram && now.saturating_sub(*since) < Duration::from_secs(FRAGMENT_SECONDS)
        })?;
        Some(*member)
    }

    /// The first fragment went there. A datagram that is known already begins anew.
    pub(super) fn remember(&mut self, now: Duration, datagram: Datagram, member: Member) {
        self.known.retain(|(_, known, _)| *known != datagram);
        if self.known.len() == FRAGMENTS_KEPT {
            self.known.remove(0);
        }
        self.known.push((now, datagram, member));
    }
}
