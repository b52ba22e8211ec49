//! The previous member of a tracked slot.

use crate::{
    limits::{MEMBERS_PER_SERVICE, SLOTS_PER_BLOCK},
    slot::Slot,
};

/// What is stored beside a tracked slot: one word, read and written atomically.
///
/// Bits 0 to 14: the previous member's number within its service; the highest means none. Bit 15: zero. Bits 16 to 31:
/// the flow clock's low bits when this was written, read only by the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Previous(pub u32);

const SINCE_SHIFT: u32 = 16;

impl Previous {
    /// No previous member: unknown flows go to the slot's member.
    pub const NONE: Self = Self(MEMBERS_PER_SERVICE);

    /// A member's number, written at flow clock `clock`.
    pub const fn new(member: Option<u16>, clock: u64) -> Self {
        let number = match member {
            Some(number) => Slot::stable(number).0,
            None => Slot::NONE.0,
        };
        Self(number as u32 | (clock as u32) << SINCE_SHIFT)
    }

    /// The previous member's number, or `None`.
    #[inline(always)]
    pub const fn member(self) -> Option<u16> {
        Slot::stable(self.0 as u16).member()
    }

    /// The flow clock's low bits when it was written.
    pub const fn since(self) -> u16 {
        (self.0 >> SINCE_SHIFT) as u16
    }

    /// Ticks of the flow clock since it was written. Wraps around after 65536.
    pub const fn age(self, clock: u64) -> u16 {
        (clock as u16).wrapping_sub(self.since())
    }
}

/// One row of the map, for the slots of the same row of the slot map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct PreviousBlock(pub [u32; SLOTS_PER_BLOCK as usize]);

const _: () = assert!(size_of::<PreviousBlock>() == 128);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_back_what_it_was_made_of() {
        let previous = Previous::new(Some(0x7ffe), 0x1_fff0);
        assert_eq!((previous.member(), previous.since()), (Some(0x7ffe), 0xfff0));
        assert_eq!(previous.age(0x2_0003), 0x13);
        assert_eq!((Previous::new(None, 3).member(), Previous::new(None, 3).since()), (None, 3));
        assert_eq!(Previous::NONE.member(), None);
    }
}
