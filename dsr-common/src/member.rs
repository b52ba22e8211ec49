//! The rows of the member map: one backend each as seen from one service, with everything needed to send it a packet.

use crate::{address::Address, tunnel::TunnelRow};

/// Flag of a member: it keeps its flows and gets no new ones.
pub const MEMBER_DRAINING: u16 = 1;

/// Longest link header before the EtherType in bytes: two MACs and up to two VLAN tags.
pub const LINK_MAX: usize = 20;

/// One member, in one cache line of eight 64-bit words that the agent writes one at a time.
///
/// The destination MAC is in the first word, so a MAC change is atomic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct MemberRow {
    /// What precedes the EtherType of outgoing packets: destination MAC, source MAC, VLAN tags (TPID and TCI each), in
    /// network byte order; the first [`MemberRow::link_length`] bytes are used.
    pub link: [u8; LINK_MAX],
    /// Bytes used of [`MemberRow::link`]: 12, 16 or 20.
    pub link_length: u8,
    /// [`crate::forward::ForwardMode`] as a number; zero in an unused row.
    pub mode: u8,
    /// Flags, see the `MEMBER_` constants.
    pub flags: u16,
    /// The ifindex of the interface that the packet leaves by.
    pub ifindex: u32,
    /// Index of the same interface in the device map, used if the packet arrived on another one.
    pub device: u32,
    /// The backend's own address: the member's identity, and where a tunnel to it ends.
    pub backend: Address,
    /// 4 or 6: the family of [`MemberRow::backend`].
    pub family: u8,
    /// Padding, always zero.
    pub pad2: [u8; 7],
    /// The flow clock when the member became unreachable ([`MemberRow::mode`] is zero), for the agent only; zero while
    /// it is reachable.
    pub away_since: u64,
}

impl MemberRow {
    /// The row's 64-bit words in the order in which they are written over a live row: the word with the forward mode
    /// first where the row stops being used, and else last, so that the program sees the row unused or whole.
    pub fn write_order(&self) -> [usize; Self::WORDS] {
        let mut order = [0, 1, 2, 3, 4, 5, 6, 7];
        order.swap(0, Self::MODE_WORD);
        if self.mode != 0 {
            order.reverse();
        }
        order
    }

    const WORDS: usize = size_of::<Self>() / 8;
    const MODE_WORD: usize = core::mem::offset_of!(Self, mode) / 8;
}

/// A row of the member map: the member, and in the cache line after it its tunnel, which `l2` does not touch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct MemberRows {
    /// The member itself.
    pub member: MemberRow,
    /// What modes that cross routers use beside it; zero in `l2`.
    pub tunnel: TunnelRow,
}

const _: () = assert!(size_of::<MemberRows>() == 128);

/// One of several next hops of a member: what the member's row starts with, laid out alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(32))]
pub struct NextHopRow {
    /// See [`MemberRow::link`].
    pub link: [u8; LINK_MAX],
    /// See [`MemberRow::link_length`].
    pub link_length: u8,
    /// Padding, always zero.
    pub pad: [u8; 3],
    /// See [`MemberRow::ifindex`].
    pub ifindex: u32,
    /// See [`MemberRow::device`].
    pub device: u32,
}

const _: () = assert!(size_of::<MemberRow>() == 64);
const _: () = assert!(size_of::<NextHopRow>() == 32);
const _: () = assert!(core::mem::offset_of!(MemberRow, link_length) == core::mem::offset_of!(NextHopRow, link_length));
const _: () = assert!(core::mem::offset_of!(MemberRow, ifindex) == core::mem::offset_of!(NextHopRow, ifindex));
const _: () = assert!(core::mem::offset_of!(MemberRow, device) == core::mem::offset_of!(NextHopRow, device));
const _: () = assert!(core::mem::offset_of!(MemberRow, backend) == 32);
const _: () = assert!(core::mem::offset_of!(MemberRow, away_since) == 56);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward::ForwardMode;

    #[test]
    fn the_mode_is_written_last_in_a_used_row_and_first_in_an_unused_one() {
        let used = MemberRow { mode: ForwardMode::L2 as u8, ..MemberRow::default() };
        assert_eq!(used.write_order(), [7, 6, 5, 4, 3, 0, 1, 2]);
        assert_eq!(MemberRow::default().write_order(), [2, 1, 0, 3, 4, 5, 6, 7]);
    }
}
