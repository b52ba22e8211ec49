//! Flow in, member out: selected by the flow's slot, or for a later fragment by the record of the first.

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

/// A member and its row in the member map.
pub(crate) struct Choice {
    pub(crate) row: u32,
    pub(crate) member: Member,
    /// The hash of the packet's flow, or of a later fragment's datagram; the lower 40 bits spread flows over next hops,
    /// source ports and so on.
    pub(crate) hash: u64,
}

/// The member of a packet's flow.
#[inline(always)]
pub(crate) fn member(packet: &Packet, service: &Service) -> Result<Choice, Reason> {
    let hash = hash_of(packet, service);
    at(row_by(hash, packet, service)?, hash)
}

#[inline(always)]
fn hash_of(packet: &Packet, service: &Service) -> u64 {
    if maps::sources() { hash(&LoadedKeys, &packet.flow, service.table) } else { LoadedKeys.flow(&packet.flow) }
}

/// The member's row for a flow with this hash ([`flow_hash`]) if the slot alone decides, as for nearly every flow; `None`
/// if more needs to be checked, or the packet is passed.
#[inline(always)]
pub(crate) fn row_if_stable(hash: u64, service: &Service) -> Option<u32> {
    // One test for all flags, so that an ordinary service pays for no more than that.
    let special = service.table.flags() & (FLAG_SOURCE | FLAG_REMEMBER | FLAG_PASS | FLAG_VLANS);
    if special != 0 && (special != FLAG_PASS || service.is_passed()) {
        return None;
    }
    let index = slot::index(hash, service.table.size());
    let number = maps::slot(service.table.block(), index)?.stable_member()?;
    Some(service.members.base() + u32::from(number))
}

/// The member's row for any flow.
#[inline(always)]
pub(crate) fn row(packet: &Packet, service: &Service) -> Result<u32, Reason> {
    row_by(hash_of(packet, service), packet, service)
}

#[inline(always)]
fn row_by(hash: u64, packet: &Packet, service: &Service) -> Result<u32, Reason> {
    let (flow, table) = (&packet.flow, service.table);
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

/// The flow's hash under the other slot selection rule, if the flow may be recorded by it; otherwise `own`.
#[inline(always)]
fn other_hash(packet: &Packet, service: &Service, own: u64) -> u64 {
    if maps::sources() && maps::old_table(service.row).is_some_and(|old| old.flags() & FLAG_REHASHED != 0) {
        hash(&LoadedKeys, &packet.flow, service.table.with_other_rule())
    } else {
        own
    }
}

/// The hash of a flow in a service without `affinity: source`.
#[inline(always)]
pub(crate) fn flow_hash(flow: &Flow) -> u64 {
    LoadedKeys.flow(flow)
}

/// The member in this row, for a packet with this hash.
#[inline(always)]
pub(crate) fn at(row: u32, hash: u64) -> Result<Choice, Reason> {
    let member = maps::member(row).ok_or(Reason::DropInconsistent)?;
    Ok(Choice { row, member, hash })
}
