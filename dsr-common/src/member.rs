//! A row of the member map: one backend seen from one service, with all that is needed to send a packet to it.

use crate::address::Address;

/// How a packet reaches the backend. Zero, an unused row, is none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ForwardMode {
    /// Rewrite the Ethernet header; the backend is on the same segment.
    L2 = 1,
}

/// Flag of a member: it keeps the flows that it has and gets no new ones.
pub const MEMBER_DRAINING: u16 = 1;

/// Bytes of a link header that a row can hold before the EtherType: two MACs and up to two VLAN tags.
pub const LINK_MAX: usize = 20;

/// One member, in one cache line of eight 64-bit words that the agent writes one at a time.
///
/// The destination MAC lies in the first word, so a changed MAC is never seen half written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct MemberRow {
    /// What stands before the EtherType when the packet leaves: destination MAC, source MAC, VLAN tags (TPID and TCI
    /// each), in network byte order; the first [`MemberRow::link_length`] bytes count.
    pub link: [u8; LINK_MAX],
    /// Bytes of [`MemberRow::link`] in use: 12, 16 or 20.
    pub link_length: u8,
    /// [`ForwardMode`] as a number; zero in a row that is not in use.
    pub mode: u8,
    /// Flags, see the `MEMBER_` constants.
    pub flags: u16,
    /// The kernel's index of the interface that the packet leaves by.
    pub ifindex: u32,
    /// Index into the device map for the same interface, used when the packet came in on another one.
    pub device: u32,
    /// The backend's own address: the member's identity, and where a tunnel to it ends.
    pub backend: Address,
    /// 4 or 6: the family of [`MemberRow::backend`].
    pub family: u8,
    /// Padding, always zero.
    pub pad2: [u8; 7],
    /// What the flow clock showed when the member became unreachable ([`MemberRow::mode`] is zero), for the agent alone;
    /// zero while it is reachable.
    pub away_since: u64,
}

const _: () = assert!(size_of::<MemberRow>() == 64);
const _: () = assert!(core::mem::offset_of!(MemberRow, backend) == 32);
const _: () = assert!(core::mem::offset_of!(MemberRow, away_since) == 56);
