//! Where the fragments of a datagram go, recorded when the first one is forwarded: to a member, or to the node. Sets of
//! eight words, one cache line per set.

use crate::limits::{FRAGMENT_SECONDS, FRAGMENT_SETS};

/// Entries of one set.
pub const WAYS: usize = 8;

/// One row of the fragment map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct FragmentSet(pub [u64; WAYS]);

const _: () = assert!(size_of::<FragmentSet>() == 64);

/// Stands for a member's row if the first fragment was passed to the node; above the size of any member map.
pub const PASSED: u32 = ROW_MASK as u32;

const _: () = assert!(PASSED > crate::track::ROW_MAX);

/// The record of one datagram. Zero is an empty entry.
///
/// Bits 0 to 23: the member's row, or [`PASSED`]. Bits 24 to 35: when it was written, in seconds. Bits 36 to 63: a tag.
/// Two datagrams of one set have the same tag once in 2^28; with eight entries per set, one in 33 million later
/// fragments without a first one is sent to a backend, which drops it because the rest is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry(u64);

const AGE_SHIFT: u32 = 24;
const AGE_MASK: u64 = 0xfff;
const TAG_SHIFT: u32 = 36;
const ROW_MASK: u64 = 0xff_ffff;

/// The set that a datagram's entry is in. `hash` covers source, destination, identification and protocol.
#[inline(always)]
pub const fn set(hash: u64) -> u32 {
    (hash >> 32) as u32 & (FRAGMENT_SETS - 1)
}

impl Entry {
    /// An entry for a member's row, or [`PASSED`], written at `now` seconds of any clock.
    #[inline(always)]
    pub const fn new(hash: u64, now: u64, row: u32) -> Self {
        Self(hash << TAG_SHIFT | (now & AGE_MASK) << AGE_SHIFT | row as u64 & ROW_MASK)
    }

    /// An entry as it is in a set.
    #[inline(always)]
    pub const fn from_word(word: u64) -> Self {
        Self(word)
    }

    /// The entry as it is in a set.
    #[inline(always)]
    pub const fn word(self) -> u64 {
        self.0
    }

    /// The member's row, or [`PASSED`].
    #[inline(always)]
    pub const fn row(self) -> u32 {
        (self.0 & ROW_MASK) as u32
    }

    /// Whether this is the entry of the datagram with this hash, whatever its age.
    #[inline(always)]
    pub const fn is_of(self, hash: u64) -> bool {
        self.0 != 0 && self.0 >> TAG_SHIFT == hash & ((1 << (64 - TAG_SHIFT)) - 1)
    }

    /// Seconds since it was written; wraps around after a little over an hour.
    #[inline(always)]
    pub const fn age(self, now: u64) -> u64 {
        now.wrapping_sub(self.0 >> AGE_SHIFT) & AGE_MASK
    }

    /// Whether later fragments still follow it.
    #[inline(always)]
    pub const fn is_fresh(self, now: u64) -> bool {
        self.age(now) <= FRAGMENT_SECONDS
    }

    /// Eviction priority: the highest is evicted first.
    #[inline(always)]
    pub const fn staleness(self, now: u64) -> u64 {
        if self.0 == 0 { u64::MAX } else { self.age(now) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_gives_back_what_it_was_made_of() {
        let hash = 0x1234_5678_9abc_def0;
        let entry = Entry::new(hash, 5000, 0x00ab_cdef);
        assert_eq!(entry.row(), 0x00ab_cdef);
        assert!(entry.is_of(hash) && !entry.is_of(hash ^ 1) && !entry.is_of(hash ^ 1 << 27));
        assert!(entry.is_of(hash ^ 1 << 28), "the upper bits choose the set");
        assert_eq!((entry.age(5000), entry.age(5031)), (0, 31));
        assert!(entry.is_fresh(5000 + FRAGMENT_SECONDS) && !entry.is_fresh(5001 + FRAGMENT_SECONDS));
        assert!(Entry::from_word(0).staleness(1) > Entry::new(hash, 0, 1).staleness(0xfff));
        assert!(!Entry::from_word(0).is_of(0), "an empty entry belongs to no datagram");
        assert_eq!(Entry::new(hash, 5000, PASSED).row(), PASSED);
    }
}
