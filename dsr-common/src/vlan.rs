//! VLANs: which one a frame is in, and the rows and keys of the VLANs of interfaces and VIPs.

use core::fmt;

use crate::{
    address::{Address, Family},
    limits::INTERFACE_ROWS,
};

/// The VLAN of a frame, by the VLAN IDs of its tags (IEEE 802.1Q). A priority tag (VLAN ID 0) is ignored. The TPID of a
/// tag makes no difference.
///
/// Zero: untagged. Up to 4095: the ID of the only tag. Above: the outer tag's ID times 4096, plus the inner one's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Vlan(pub u32);

/// Bits of a VLAN ID.
const BITS: u32 = 12;
/// The VLAN ID in a tag (TCI); the other bits are priority and drop eligibility.
const NUMBER: u16 = (1 << BITS) - 1;

impl Vlan {
    /// No tag, or only tags with VLAN ID 0.
    pub const UNTAGGED: Self = Self(0);
    /// The highest VLAN ID; 4095 is reserved.
    pub const MAX: u16 = NUMBER - 1;

    /// The VLAN of two tags, given by their control information (TCI, host byte order); zero stands for no tag.
    #[inline(always)]
    pub const fn of(outer: u16, inner: u16) -> Self {
        let (outer, inner) = ((outer & NUMBER) as u32, (inner & NUMBER) as u32);
        if outer == 0 || inner == 0 { Self(outer | inner) } else { Self(outer << BITS | inner) }
    }

    /// The VLAN IDs of the tags, outer tag first; zero stands for no tag.
    pub const fn ids(self) -> [u16; 2] {
        [(self.0 >> BITS) as u16, self.0 as u16 & NUMBER]
    }

    /// Whether it is double-tagged.
    #[inline(always)]
    pub const fn is_double(self) -> bool {
        self.0 > NUMBER as u32
    }
}

/// `untagged`, `100`, or for a double-tagged VLAN `7.100`, outer tag first.
impl fmt::Display for Vlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ids() {
            [0, 0] => f.write_str("untagged"),
            [0, number] => write!(f, "{number}"),
            [outer, inner] => write!(f, "{outer}.{inner}"),
        }
    }
}

/// A row of the VLAN map: this host's single-tagged VLANs on an interface, one bit per VLAN ID.
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
    /// The word that contains the bit of an untagged or single-tagged VLAN, and the bit's number in it.
    #[inline(always)]
    pub const fn place(vlan: Vlan) -> (usize, u32) {
        ((vlan.0 / 64) as usize % VLAN_WORDS, vlan.0 % 64)
    }
}

/// A VLAN of a VIP's own list, or a double-tagged VLAN of this host on an interface. The table of VLAN keys contains
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C)]
pub struct VlanKey {
    /// The VIP, or zero.
    pub vip: Address,
    /// The VLAN.
    pub vlan: Vlan,
    /// For a VIP [`INTERFACE_ROWS`] plus its family, otherwise the row in the interface table.
    pub owner: u32,
}

const _: () = assert!(size_of::<VlanKey>() == 24);

impl VlanKey {
    /// The key of a VIP.
    #[inline(always)]
    pub const fn of_vip(family: Family, vip: Address, vlan: Vlan) -> Self {
        Self { vip, vlan, owner: INTERFACE_ROWS + family as u32 }
    }

    /// The key of an interface, by its row in the interface table.
    #[inline(always)]
    pub const fn of_interface(row: u32, vlan: Vlan) -> Self {
        Self { vip: Address { hi: 0, lo: 0 }, vlan, owner: row }
    }

    /// Whether it is a VIP's key.
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
