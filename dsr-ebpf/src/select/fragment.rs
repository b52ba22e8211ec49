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

/// Remembers where the first fragment went: in its own entry, or in place of the stalest of its set.
#[inline(always)]
pub(crate) fn remember(ip: &Ip, id: u32, choice: &Choice) -> Result<(), Reason> {
    let hash = hash(ip, id);
    let now = maps::seconds();
    let entries = maps::fragments(set(hash)).ok_or(Reason::DropInconsistent)?;
    let (mut place, mut stalest) = (0, 0);
    for way in 0..WAYS {
        let entry = entries.entry(way);
        let staleness = if entry.is_of(hash) { u64::MAX } else { entry.staleness(now) };
        if staleness > stalest {
            (place, stalest) = (way, staleness);
        }
        if entry.is_of(hash) {
            break;
        }
    }
    entries.set_entry(place, Entry::new(hash, now, choice.row));
    Ok(())
}

/// The member that the first fragment went to, where it came and not too long ago.
#[inline(always)]
pub(crate) fn find(ip: &Ip, id: u32) -> Result<Choice, Reason> {
    let hash = hash(ip, id);
    let now = maps::seconds();
    let entries = maps::fragments(set(hash)).ok_or(Reason::DropInconsistent)?;
    for way in 0..WAYS {
        let entry = entries.entry(way);
        if entry.is_of(hash) && entry.is_fresh(now) {
            return at(entry.row());
        }
    }
    Err(Reason::DropFragmentEarly)
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
