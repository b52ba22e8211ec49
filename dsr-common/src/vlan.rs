//! VLANs: which one a frame is in, and the rows and keys that say which ones a VIP is in.

use core::fmt;

use crate::{
    address::{Address, Family},
    limits::INTERFACE_ROWS,
};

/// The VLAN of a frame, by the numbers of its tags (IEEE 802.1Q). A tag of VLAN 0 carries a priority and no VLAN: it does
/// not count. Which TPID a tag has makes no difference.
///
/// Zero: none, the frame is untagged. Up to 4095: the number of its one tag. Above: the outer tag's number times 4096, and
/// the inner one's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Vlan(pub u32);

/// Bits of a VLAN's number in a tag.
const BITS: u32 = 12;
/// The lowest twelve bits of a tag (TCI); the others are priority and drop eligibility.
const NUMBER: u16 = (1 << BITS) - 1;

impl Vlan {
    /// No tag, or tags of VLAN 0 alone.
    pub const UNTAGGED: Self = Self(0);
    /// The highest number of a VLAN; 4095 is reserved.
    pub const MAX: u16 = NUMBER - 1;

    /// The VLAN behind the tags whose control information (TCI, host byte order) this is, zero where there is no tag.
    #[inline(always)]
    pub const fn of(outer: u16, inner: u16) -> Self {
        let (outer, inner) = ((outer & NUMBER) as u32, (inner & NUMBER) as u32);
        if outer == 0 || inner == 0 { Self(outer | inner) } else { Self(outer << BITS | inner) }
    }

    /// Whether it takes two tags to name it.
    #[inline(always)]
    pub const fn is_double(self) -> bool {
        self.0 > NUMBER as u32
    }
}

/// `untagged`, `100`, or with two tags, the outer one first, `7.100`.
impl fmt::Display for Vlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 >> BITS, self.0 & u32::from(NUMBER)) {
            (0, 0) => f.write_str("untagged"),
            (0, number) => write!(f, "{number}"),
            (outer, inner) => write!(f, "{outer}.{inner}"),
        }
    }
}

/// A row of the VLAN map: the VLANs of one tag that this host is in on an interface, a bit each, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct VlanSet(pub [u64; VLAN_WORDS]);

/// Words of a [`VlanSet`].
pub const VLAN_WORDS: usize = (1 << BITS) / 64;

impl Default for VlanSet {
    fn default() -> Self {
        Self([0; VLAN_WORDS])
    }
}

impl VlanSet {
    /// The word that has the bit of a VLAN of at most one tag, and the bit's number there.
    #[inline(always)]
    pub const fn place(vlan: Vlan) -> (usize, u32) {
        ((vlan.0 / 64) as usize % VLAN_WORDS, vlan.0 % 64)
    }
}

/// A VLAN that a VIP with a list of its own is in, or one of two tags that this host is in on an interface. The table of
/// VLAN keys holds those that are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C)]
pub struct VlanKey {
    /// The VIP, or zero.
    pub vip: Address,
    /// The VLAN.
    pub vlan: Vlan,
    /// For a VIP [`INTERFACE_ROWS`] and its family, else the row of the interface table.
    pub owner: u32,
}

const _: () = assert!(size_of::<VlanKey>() == 24);

impl VlanKey {
    /// A VIP's.
    #[inline(always)]
    pub const fn of_vip(family: Family, vip: Address, vlan: Vlan) -> Self {
        Self { vip, vlan, owner: INTERFACE_ROWS + family as u32 }
    }

    /// An interface's, by its row of the interface table.
    #[inline(always)]
    pub const fn of_interface(row: u32, vlan: Vlan) -> Self {
        Self { vip: Address { hi: 0, lo: 0 }, vlan, owner: row }
    }

    /// Whether it is a VIP's.
    pub const fn is_of_vip(&self) -> bool {
        self.owner >= INTERFACE_ROWS
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::ToString;

    use super::*;

    #[test]
    fn a_vlan_is_named_by_the_tags_that_have_a_number() {
        let shown = |outer, inner| Vlan::of(outer, inner).to_string();
        assert_eq!(shown(0, 0), "untagged");
        assert_eq!(shown(0xe000, 0), "untagged", "a priority tag");
        assert_eq!([shown(0x2064, 0), shown(0, 0x64), shown(0xe000, 0x64)], ["100", "100", "100"]);
        assert_eq!(shown(7, 0x6064), "7.100");
        assert_ne!(Vlan::of(7, 100), Vlan::of(100, 7));
        assert!(Vlan::of(1, 1).is_double() && !Vlan::of(4095, 0).is_double());
    }

    #[test]
    fn each_vlan_of_one_tag_has_a_bit_of_its_own() {
        let mut seen = std::collections::HashSet::new();
        assert!((0..4096).all(|number| seen.insert(VlanSet::place(Vlan(number)))));
        assert!(seen.iter().all(|(word, _)| *word < VLAN_WORDS));
    }
}
