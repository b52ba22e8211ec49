//! The member of a flow whose slot is tracked, or whose service remembers every flow: the one that the flow had, as far
//! as that is known and lives.
//!
//! Flows are remembered in two tables. Of a flow's first packet the table of newcomers keeps an entry, which the second
//! one moves to the flow table: packets that are each the only one of their flow push no established flow out.

use dsr_common::{
    member::MEMBER_DRAINING,
    service::TableRef,
    slot::Slot,
    stats::Tracking,
    track::{Entry, ROW_MAX},
};

use super::place::{self, Place};
use crate::maps::{
    self,
    FlowTable::{self, Known, New},
};

/// What a packet says about its flow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// It opens the flow: a TCP SYN.
    First = 0,
    /// The flow began before it.
    Later = 1,
    /// Nothing: in a service that remembers every flow, one that is not known begins here.
    Either = 2,
}

impl Part {
    #[inline(always)]
    pub(crate) const fn of_number(number: u64) -> Self {
        match number {
            0 => Self::First,
            1 => Self::Later,
            _ => Self::Either,
        }
    }
}

/// A flow, and what its service has for it.
pub(crate) struct Tracked {
    /// Its hash, of which the tag and the set are taken.
    pub(crate) hash: u64,
    /// The service's table.
    pub(crate) table: TableRef,
    /// The service's row.
    pub(crate) service: u32,
    /// The service's first row of the member map.
    pub(crate) base: u32,
    /// The flow's slot.
    pub(crate) slot: Slot,
    /// What the packet says about it.
    pub(crate) part: Part,
}

/// No row of the member map has this number.
pub(crate) const NONE: u64 = u64::MAX;

/// The row of the flow's member, or [`NONE`].
#[inline(always)]
pub(crate) fn row(flow: &Tracked) -> u64 {
    find(flow).map_or(NONE, u64::from)
}

#[inline(always)]
fn find(flow: &Tracked) -> Option<u32> {
    let (hash, clock) = (flow.hash, maps::clock()?);
    let known = place::look(hash, Known, clock);
    if let Some(entry) = known.found()
        && flow.may_go_to(entry.row())
    {
        return Some(flow.hit(known, Known, entry, clock));
    }
    let new = place::look(hash, New, clock);
    if let Some(entry) = new.found()
        && flow.may_go_to(entry.row())
    {
        if flow.part == Part::First {
            // The SYN once more: it was not answered yet.
            return Some(flow.hit(new, New, entry, clock));
        }
        place::write(known, Known, hash, Entry::new(hash, clock, entry.row()));
        place::write(new, New, hash, Entry::EMPTY);
        maps::add_tracking(Tracking::Promoted);
        if known.is_taken() {
            maps::add_tracking(Tracking::Evicted);
        }
        return Some(entry.row());
    }
    let (row, how) = flow.unknown()?;
    // A member that cannot be sent to is not worth an entry.
    if lives(row) && row <= ROW_MAX {
        if known.found().is_some() {
            place::write(known, Known, hash, Entry::EMPTY);
        }
        place::write(new, New, hash, Entry::new(hash, clock, row));
        maps::add_tracking(how);
        if new.is_taken() {
            maps::add_tracking(Tracking::EvictedNew);
        }
    }
    Some(row)
}

impl Tracked {
    /// Whether the member that is remembered serves the flow still. One that drains is given no new flow.
    #[inline(always)]
    fn may_go_to(&self, row: u32) -> bool {
        match maps::member(row) {
            None => false,
            Some(member) => member.mode() != 0 && !(self.part == Part::First && member.flags() & MEMBER_DRAINING != 0),
        }
    }

    /// The row of a flow that is remembered; when it was seen is written where that says anything new.
    #[inline(always)]
    fn hit(&self, place: Place, table: FlowTable, entry: Entry, clock: u64) -> u32 {
        if entry.age(clock) != 0 {
            place::write(place, table, self.hash, Entry::new(self.hash, clock, entry.row()));
        }
        maps::add_tracking(Tracking::Hit);
        entry.row()
    }

    /// The row of a flow that is not remembered.
    #[inline(always)]
    fn unknown(&self) -> Option<(u32, Tracking)> {
        let current = self.slot.member().map(|number| self.base + u32::from(number));
        if self.part != Part::Later {
            return Some((current?, Tracking::New));
        }
        match self.previous() {
            Some(row) if lives(row) => Some((row, Tracking::ToPrevious)),
            _ => Some((current?, Tracking::ToCurrent)),
        }
    }

    /// The row of the member before the change.
    #[inline(always)]
    fn previous(&self) -> Option<u32> {
        if !self.slot.is_tracked() {
            return None;
        }
        let old = maps::old_table(self.service)?;
        let table = if old.size() == 0 { self.table } else { old };
        let previous = maps::previous(table.block(), table.slot(self.hash))?;
        previous.member().map(|number| self.base + u32::from(number))
    }
}

/// Whether packets can be sent to the member in this row.
#[inline(always)]
fn lives(row: u32) -> bool {
    maps::member(row).is_some_and(|member| member.mode() != 0)
}
