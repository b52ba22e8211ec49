//! The member of a datagram's first fragment, for the others.

use dsr_common::{
    flow::Flow,
    fragment::{Entry, WAYS, set},
    hash::Keys as _,
    stats::Reason,
};

use super::{Choice, at};
use crate::{
    maps::{self, LoadedKeys},
    parse::Ip,
};

/// Remembers where the first fragment of a datagram went.
#[inline(always)]
pub(crate) fn remember(ip: &Ip, id: u32, choice: &Choice) {
    crate::remember_fragment(hash(ip, id), u64::from(choice.row));
}

/// The member that the first fragment went to, where it came and not too long ago.
#[inline(always)]
pub(crate) fn find(ip: &Ip, id: u32) -> Result<Choice, Reason> {
    match crate::find_fragment(hash(ip, id)) {
        NONE => Err(Reason::DropFragmentEarly),
        row => at(row as u32),
    }
}

/// No row of the member map has this number.
const NONE: u64 = u64::MAX;

/// Writes a datagram's entry: over the one that it has, or over the stalest of its set.
#[inline(always)]
pub(crate) fn store(hash: u64, row: u32) {
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

/// The row in a datagram's entry, or [`NONE`].
#[inline(always)]
pub(crate) fn load(hash: u64) -> u64 {
    let now = maps::seconds();
    let Some(entries) = maps::fragments(set(hash)) else { return NONE };
    for way in 0..WAYS {
        let entry = entries.entry(way);
        if entry.is_of(hash) && entry.is_fresh(now) {
            return u64::from(entry.row());
        }
    }
    NONE
}

/// What all fragments of a datagram have in common, hashed as a flow whose ports are the identification. In IPv6 the
/// protocol is not part of it (RFC 8200, section 4.5).
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
