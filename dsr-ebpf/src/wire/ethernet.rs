//! Ethernet II (IEEE 802.3) and the tags of IEEE 802.1Q.

use super::Be16;

/// Bytes of the two MACs.
pub(crate) const MACS: usize = 12;
/// Bytes of a VLAN tag.
pub(crate) const TAG: usize = 4;
/// Bytes of an EtherType.
pub(crate) const ETHERTYPE: usize = 2;

pub(crate) const IPV4: Be16 = Be16::new(0x0800);
pub(crate) const IPV6: Be16 = Be16::new(0x86dd);
pub(crate) const ARP: Be16 = Be16::new(0x0806);
pub(crate) const VLAN: Be16 = Be16::new(0x8100);
pub(crate) const SERVICE_VLAN: Be16 = Be16::new(0x88a8);

/// The group bit of a MAC's first byte, at its place in the header's first word.
pub(crate) const GROUP_BIT: u64 = u64::from_ne_bytes([1, 0, 0, 0, 0, 0, 0, 0]);

/// The two MACs and the EtherType, in frame byte order.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct Header {
    /// Destination MAC and the first two bytes of the source MAC.
    pub(crate) head: u64,
    /// The last four bytes of the source MAC.
    pub(crate) tail: u32,
    /// EtherType, or the TPID of a tag.
    pub(crate) ethertype: Be16,
}

impl Header {
    /// The source MAC in the low 48 bits of a word.
    #[inline(always)]
    pub(crate) const fn source(&self) -> u64 {
        self.head >> 48 | (self.tail as u64) << 16
    }

    /// Writes both MACs, each in the low 48 bits of a word.
    #[inline(always)]
    pub(crate) const fn set_macs(&mut self, destination: u64, source: u64) {
        self.head = destination | source << 48;
        self.tail = (source >> 16) as u32;
    }
}

/// An EtherType alone.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct EtherType(pub(crate) Be16);

/// A whole tag and the EtherType after it.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct Tag {
    /// TPID and TCI, in frame byte order.
    pub(crate) word: u32,
    /// EtherType of the payload, or the TPID of the next tag.
    pub(crate) ethertype: Be16,
}

impl Tag {
    /// The control information (TCI) of a whole tag, in host byte order.
    #[inline(always)]
    pub(crate) const fn control(self) -> u16 {
        u16::from_be((self.word >> 16) as u16)
    }
}

#[cfg(not(target_endian = "little"))]
compile_error!("the words of a MAC are put together for little-endian machines");
