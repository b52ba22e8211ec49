//! Flow in, member out: by the slot of the flow, or for a later fragment by what its first one was given.

mod fragment;
mod place;
mod track;

use dsr_common::{
    flow::Flow,
    hash::Keys as _,
    service::{FLAG_PASS, FLAG_REHASHED, FLAG_REMEMBER, FLAG_SOURCE, FLAG_VLANS},
    slot,
    stats::Reason,
    track::hash,
};

pub(crate) use self::fragment::{Datagram, find as follow_first};
use self::track::{Candidates, Hint, Part, follow_flow};
use crate::{
    maps::{self, LoadedKeys, Member},
    parse::Packet,
    service::Service,
    wire::transport::TCP,
};

/// A member and the row of the member map that it is in.
pub(crate) struct Choice {
    pub(crate) row: u32,
    pub(crate) member: Member,
}

/// The member that a packet's flow belongs to.
#[inline(always)]
pub(crate) fn member(packet: &Packet, service: &Service) -> Result<Choice, Reason> {
    at(row(packet, service)?)
}

/// The row of the member of nearly every flow; nothing where there is more to ask than its slot, or where it is passed.
#[inline(always)]
pub(crate) fn row_if_stable(flow: &Flow, service: &Service) -> Option<u32> {
    // One question for all, so that a service like nearly every one is asked no more than that.
    let special = service.table.flags() & (FLAG_SOURCE | FLAG_REMEMBER | FLAG_PASS | FLAG_VLANS);
    if special != 0 && (special != FLAG_PASS || service.is_passed()) {
        return None;
    }
    let index = slot::index(LoadedKeys.flow(flow), service.table.size());
    let number = maps::slot(service.table.block(), index)?.stable_member()?;
    Some(service.members.base() + u32::from(number))
}

/// The row of the member of any flow.
#[inline(always)]
pub(crate) fn row(packet: &Packet, service: &Service) -> Result<u32, Reason> {
    let (flow, table) = (&packet.flow, service.table);
    let hash = if maps::sources() { hash(&LoadedKeys, flow, table) } else { LoadedKeys.flow(flow) };
    let slot = maps::slot(table.block(), table.slot(hash)).ok_or(Reason::DropInconsistent)?;
    let remembers = maps::remembers() && table.flags() & FLAG_REMEMBER != 0;
    if !(remembers || maps::tracks() && slot.is_tracked()) {
        let number = slot.member().ok_or(Reason::DropNoBackend)?;
        return Ok(service.members.base() + u32::from(number));
    }
    let part = if packet.opens {
        Part::First
    } else if remembers && flow.protocol != TCP {
        Part::Either
    } else {
        Part::Later
    };
    let candidates = Candidates { base: service.members.base(), slot };
    let hint = Hint { part, other: other_hash(packet, service, hash) };
    follow_flow(hash, table, service.row, candidates, hint).ok_or(Reason::DropNoBackend)
}

/// The hash that the flow had, or has again, by the other way of picking slots; the same where there is none of it.
#[inline(always)]
fn other_hash(packet: &Packet, service: &Service, own: u64) -> u64 {
    if maps::sources() && maps::old_table(service.row).is_some_and(|old| old.flags() & FLAG_REHASHED != 0) {
        hash(&LoadedKeys, &packet.flow, service.table.with_other_rule())
    } else {
        own
    }
}

/// The member in this row.
#[inline(always)]
pub(crate) fn at(row: u32) -> Result<Choice, Reason> {
    let member = maps::member(row).ok_or(Reason::DropInconsistent)?;
    Ok(Choice { row, member })
}
