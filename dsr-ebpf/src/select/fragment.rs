//! Records where a datagram's first fragment went, to a member or to the node, for the later fragments.

use dsr_common::{
    flow::Flow,
    fragment::{Entry, PASSED, WAYS, set},
    hash::Keys as _,
    stats::Reason,
};

use super::{Choice, at};
use crate::{
    maps::{self, LoadedKeys},
    parse::Ip,
};

/// The hash that identifies a datagram.
#[derive(Clone, Copy)]
pub(crate) struct Datagram(u64);

impl Datagram {
    /// The datagram of a fragment.
    #[inline(always)]
    pub(crate) fn of(ip: &Ip) -> Self {
        Self(hash(ip, ip.fragment.id))
    }

    /// Records the member of its first fragment.
    #[inline(always)]
    pub(crate) fn remember(self, choice: &Choice) {
        remember_fragment(self.0, choice.row);
    }

    /// Records that its first fragment was passed.
    #[inline(always)]
    pub(crate) fn remember_passed(self) {
        remember_fragment(self.0, PASSED);
    }
}

/// The member that the first fragment went to, if it was seen, is recent enough and was not passed.
#[inline(always)]
pub(crate) fn find(datagram: Datagram) -> Result<Choice, Reason> {
    match find_fragment(datagram.0) {
        None => Err(Reason::DropFragmentEarly),
        Some(PASSED) if maps::heartbeats() => Err(Reason::PassAgentDead),
        Some(row) => at(row, datagram.0),
    }
}

subprogram! {
    fn remember_fragment(hash: u64, row: u32) -> () {
        store(hash, row);
    }
}

subprogram! {
    fn find_fragment(hash: u64) -> Option<u32> {
        load(hash)
    }
}

/// Writes a datagram's entry: over its own entry, else over the stalest of the set.
#[inline(always)]
fn store(hash: u64, row: u32) {
    let now = maps::seconds();
    let Some(entries) = maps::fragments(set(hash)) else { return };
    let (mut place, mut stalest) = (0, 0);
    for way in 0..WAYS {
        let entry = entries.entry(way);
        if entry.is_of(hash) {
            place = way;
            break;
        }
        if entry.staleness(now) > stalest {
            (place, stalest) = (way, entry.staleness(now));
        }
    }
    entries.set_entry(place, Entry::new(hash, now, row));
}

/// The row in a datagram's entry.
#[inline(always)]
fn load(hash: u64) -> Option<u32> {
    let now = maps::seconds();
    let entries = maps::fragments(set(hash))?;
    for way in 0..WAYS {
        let entry = entries.entry(way);
        if entry.is_of(hash) && entry.is_fresh(now) {
            return Some(entry.row());
        }
    }
    None
}

/// Hash of what all fragments of a datagram have in common, as a flow with the identification in place of ports. IPv6
/// does not include the protocol (RFC 8200, section 4.5).
#[inline(always)]
fn hash(ip: &Ip, id: u32) -> u64 {
    let protocol = match ip.family {
        dsr_common::address::Family::V4 => ip.protocol,
        dsr_common::address::Family::V6 => 0,
    };
    LoadedKeys.flow(&Flow {
        family: ip.family,
        protocol,
        client_port: id as u16,
        service_port: (id >> 16) as u16,
        client: ip.client,
        vip: ip.vip,
    })
}
