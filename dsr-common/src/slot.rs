//! A slot of a Maglev table: the member for new flows.

use crate::limits::{MEMBERS_PER_SERVICE, SLOTS_PER_BLOCK};

/// One cell of a service's table. Bits 0 to 14: the member's number within its service. Bit 15: tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Slot(pub u16);

impl Slot {
    /// No member: the slot's flows have no backend.
    pub const NONE: Self = Self(MEMBERS_PER_SERVICE as u16);

    const TRACKED: u16 = 0x8000;

    /// A stable slot of a member.
    pub const fn stable(member: u16) -> Self {
        Self(member & !Self::TRACKED)
    }

    /// A tracked slot of a member.
    pub const fn tracked(member: u16) -> Self {
        Self(member | Self::TRACKED)
    }

    /// The same member, tracked.
    #[must_use]
    pub const fn as_tracked(self) -> Self {
        Self(self.0 | Self::TRACKED)
    }

    /// The same member, stable.
    #[must_use]
    pub const fn as_stable(self) -> Self {
        Self(self.0 & !Self::TRACKED)
    }

    /// The member's number within its service, or `None`.
    #[inline(always)]
    pub const fn member(self) -> Option<u16> {
        let number = self.0 & !Self::TRACKED;
        if number == Self::NONE.0 { None } else { Some(number) }
    }

    /// The member's number within its service, if the slot is stable and has a member: the check made for nearly every
    /// packet.
    #[inline(always)]
    pub const fn stable_member(self) -> Option<u16> {
        if self.0 < Self::NONE.0 { Some(self.0) } else { None }
    }

    /// Whether the slot's member changed a while ago, so that the flow tables must be consulted.
    #[inline(always)]
    pub const fn is_tracked(self) -> bool {
        self.0 & Self::TRACKED != 0
    }
}

/// One row of the slot map: the slots of one cache line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct SlotBlock(pub [u16; SLOTS_PER_BLOCK as usize]);

const _: () = assert!(size_of::<SlotBlock>() == 64);

/// The slot of a flow in a table of `size` slots: the hash's upper 32 bits, multiplied and shifted instead of divided.
#[inline(always)]
pub const fn index(hash: u64, size: u32) -> u32 {
    (((hash >> 32) * size as u64) >> 32) as u32
}

/// Blocks needed for a table of `size` slots.
pub const fn blocks(size: u32) -> u32 {
    size.div_ceil(SLOTS_PER_BLOCK)
}
