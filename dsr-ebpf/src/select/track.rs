//! The member of a flow whose slot is tracked, or whose service records every flow: the flow's own member, as far as it
//! is known and reachable.
//!
//! Two tables record flows. The first packet of a flow creates an entry in the embryonic table; the second one moves it
//! to the established table. Packets that are each the only one of their flow therefore evict no established flow.

use dsr_common::{
    member::MEMBER_DRAINING,
    service::TableRef,
    slot::Slot,
    stats::Tracking,
    track::{CLIENT_BITS, Entry, ROW_MAX},
};

use super::place::{self, Place};
use crate::maps::{
    self,
    FlowTable::{self, Embryonic, Established},
};

/// Position of a packet in its flow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// It opens the flow: a TCP SYN.
    First = 0,
    /// The flow began earlier.
    Later = 1,
    /// Not known from the packet: in a service that records every flow, an unknown flow begins here.
    Either = 2,
}

/// Position of a packet in its flow, and the other hash that the flow may be recorded by because its service changed
/// its slot selection rule; the flow's own hash if it did not.
#[derive(Clone, Copy)]
pub(super) struct Hint {
    pub(super) part: Part,
    /// Only [`CLIENT_BITS`] of it are used: the other bits equal those of the flow's hash.
    pub(super) other: u64,
}

/// The members that a flow may go to by its service's tables. The slot is not read again, as it may have changed.
#[derive(Clone, Copy)]
pub(super) struct Candidates {
    /// The service's first row in the member map.
    pub(super) base: u32,
    /// The flow's slot.
    pub(super) slot: Slot,
}

scalars! {
    Part: |part| part as u64,
        |word| match word {
            0 => Self::First,
            1 => Self::Later,
            _ => Self::Either,
        };
    // The part in the lowest bits, the other hash in `CLIENT_BITS`.
    Hint: |hint| hint.part.scalar() | hint.other & CLIENT_BITS,
        |word| Self { part: Part::from_scalar(word & !CLIENT_BITS), other: word & CLIENT_BITS };
    // Bits 0 to 31: the row. Bits 32 to 47: the slot.
    Candidates: |candidates| u64::from(candidates.base) | u64::from(candidates.slot.0) << 32,
        |word| Self { base: word as u32, slot: Slot((word >> 32) as u16) };
}

subprogram! {
    /// The member's row for a flow that may be recorded, see [`Tracked`].
    pub(super) fn follow_flow(
        hash: u64,
        table: TableRef,
        service: u32,
        candidates: Candidates,
        hint: Hint,
    ) -> Option<u32> {
        let other = hash & !CLIENT_BITS | hint.other;
        find(&Tracked { hash, other, table, service, candidates, part: hint.part })
    }
}

/// A flow and its service's tables.
struct Tracked {
    /// Its hash, which yields the tag and the set.
    hash: u64,
    /// The other hash that it may be recorded by; otherwise the same.
    other: u64,
    /// The service's table.
    table: TableRef,
    /// The service's row.
    service: u32,
    /// Its members, by the tables.
    candidates: Candidates,
    /// Position of the packet in the flow.
    part: Part,
}

#[inline(always)]
fn find(flow: &Tracked) -> Option<u32> {
    let (hash, clock) = (flow.hash, maps::clock()?);
    if maps::sources() && flow.other != hash {
        flow.rehash(clock);
    }
    let known = place::place_of_flow(hash, Established, clock);
    if let Some(entry) = known.found()
        && flow.may_go_to(entry.row())
    {
        return Some(flow.hit(known, Established, entry, clock));
    }
    let new = place::place_of_flow(hash, Embryonic, clock);
    if let Some(entry) = new.found()
        && flow.may_go_to(entry.row())
    {
        if flow.part == Part::First {
            // A retransmitted SYN: it has not been answered yet.
            return Some(flow.hit(new, Embryonic, entry, clock));
        }
        place::write(known, Established, hash, Entry::new(hash, clock, entry.row()));
        place::write(new, Embryonic, hash, Entry::EMPTY);
        maps::add_tracking(Tracking::Promoted);
        if known.is_taken() {
            maps::add_tracking(Tracking::Evicted);
        }
        return Some(entry.row());
    }
    let (row, how) = flow.unknown()?;
    // An unreachable member is not worth an entry.
    if lives(row) && row <= ROW_MAX {
        if known.found().is_some() {
            place::write(known, Established, hash, Entry::EMPTY);
        }
        place::write(new, Embryonic, hash, Entry::new(hash, clock, row));
        maps::add_tracking(how);
        if new.is_taken() {
            maps::add_tracking(Tracking::EvictedNew);
        }
    }
    Some(row)
}

impl Tracked {
    /// Rewrites the flow's entries from its other hash to this one. Both hashes select the same set.
    #[inline(always)]
    fn rehash(&self, clock: u64) {
        for table in [Established, Embryonic] {
            let place = place::place_of_flow(self.other, table, clock);
            let Some(entry) = place.found() else { continue };
            // An entry found by this hash is newer.
            let is_known = place::place_of_flow(self.hash, table, clock).found().is_some();
            let entry = if is_known { Entry::EMPTY } else { entry.known_by(self.hash) };
            place::write(place, table, self.hash, entry);
        }
    }

    /// Whether the recorded member still serves the packet. A draining one gets no new flows.
    #[inline(always)]
    fn may_go_to(&self, row: u32) -> bool {
        match maps::member(row) {
            None => false,
            Some(member) => {
                member.is_reachable() && !(self.part == Part::First && member.flags() & MEMBER_DRAINING != 0)
            }
        }
    }

    /// The row of a recorded flow; the time is written only if it changed.
    #[inline(always)]
    fn hit(&self, place: Place, table: FlowTable, entry: Entry, clock: u64) -> u32 {
        if entry.age(clock) != 0 {
            place::write(place, table, self.hash, Entry::new(self.hash, clock, entry.row()));
        }
        maps::add_tracking(Tracking::Hit);
        entry.row()
    }

    /// The row of an unknown flow.
    #[inline(always)]
    fn unknown(&self) -> Option<(u32, Tracking)> {
        let current = self.candidates.slot.member().map(|number| self.candidates.base + u32::from(number));
        if self.part != Part::Later {
            return Some((current?, Tracking::New));
        }
        match self.previous() {
            Some(row) if lives(row) => Some((row, Tracking::ToPrevious)),
            _ => Some((current?, Tracking::ToCurrent)),
        }
    }

    /// The row of the previous member.
    #[inline(always)]
    fn previous(&self) -> Option<u32> {
        if !self.candidates.slot.is_tracked() {
            return None;
        }
        let old = maps::old_table(self.service)?;
        let table = if old.size() == 0 { self.table } else { old };
        let hash = if maps::sources() && !table.has_rule_of(self.table) { self.other } else { self.hash };
        let previous = maps::previous(table.block(), table.slot(hash))?;
        previous.member().map(|number| self.candidates.base + u32::from(number))
    }
}

/// Whether the member in this row is reachable.
#[inline(always)]
fn lives(row: u32) -> bool {
    maps::member(row).is_some_and(|member| member.is_reachable())
}
