//! The rows of members: which of the member map and the counters is whose.

use dsr_common::{service::MembersRef, track::Entry};

/// A row of the member map; the member's counters have the same one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberRowId(pub u32);

impl MemberRowId {
    /// The row of a member, by its number within its service.
    pub const fn of(members: MembersRef, number: u16) -> Self {
        Self(members.base() + number as u32)
    }

    /// The row that a remembered flow goes to.
    pub const fn of_flow(entry: Entry) -> Self {
        Self(entry.row())
    }

    /// The rows of a service, by number.
    pub fn of_service(members: MembersRef) -> impl Iterator<Item = Self> {
        (members.base()..members.base() + members.capacity()).map(Self)
    }

    /// The first so many rows: all of a map of that size.
    pub fn first(rows: u32) -> impl Iterator<Item = Self> {
        (0..rows).map(Self)
    }

    /// The member's number, if the row is one of this service.
    pub fn number_in(self, members: MembersRef) -> Option<u16> {
        self.0.checked_sub(members.base()).filter(|number| *number < members.capacity()).map(|number| number as u16)
    }
}
