//! Members: their rows, those of their tunnels and of their next hops.

use core::{
    mem::offset_of,
    ptr::{addr_of, read_volatile},
};

use aya_ebpf::{bindings::BPF_F_MMAPABLE, macros::map, maps::Array};
use dsr_common::{
    address::Address,
    forward::{ForwardMode, NEXT_HOP_GROUPS, NEXT_HOPS_PER_GROUP},
    member::{MemberRow, MemberRows, NextHopRow},
    tunnel::TunnelRow,
};

#[map]
static MEMBERS: Array<MemberRows> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
static NEXT_HOPS: Array<NextHopRow> = Array::with_max_entries(NEXT_HOP_GROUPS * NEXT_HOPS_PER_GROUP, BPF_F_MMAPABLE);

/// A row of the member map. The agent may write it at any time, one word at a time, so each word is read once.
pub(crate) struct Member(*const MemberRow);

/// A row of the member map; `None` past its end.
#[inline(always)]
pub(crate) fn member(row: u32) -> Option<Member> {
    // A row begins with the member.
    MEMBERS.get_ptr(row).map(|row| Member(row.cast()))
}

impl Member {
    /// The next hop in the row itself.
    #[inline(always)]
    pub(crate) const fn next_hop(&self) -> NextHop {
        NextHop(self.0.cast())
    }

    /// Its tunnel, in the same row.
    #[inline(always)]
    pub(crate) const fn tunnel(&self) -> Tunnel {
        // SAFETY: the member is the first part of an element of the array, and its tunnel the other one.
        Tunnel(unsafe { self.0.byte_add(offset_of!(MemberRows, tunnel)).cast() })
    }

    /// Whether packets leave in this forward mode.
    #[inline(always)]
    pub(crate) fn is_in(&self, mode: ForwardMode) -> bool {
        self.mode_number() == mode as u8
    }

    /// Whether packets are encapsulated.
    #[inline(always)]
    pub(crate) fn encapsulates(&self) -> bool {
        self.mode_number() >= ForwardMode::Ipip as u8
    }

    /// Whether the member is reachable: its row has a forward mode.
    #[inline(always)]
    pub(crate) fn is_reachable(&self) -> bool {
        self.mode_number() != 0
    }

    #[inline(always)]
    fn mode_number(&self) -> u8 {
        // SAFETY: an element of the array.
        unsafe { read_volatile(addr_of!((*self.0).mode)) }
    }

    /// Whether packets leave in forward mode `l2` with `length` bytes before the EtherType: one word contains both.
    #[inline(always)]
    pub(crate) fn is_l2(&self, length: usize) -> bool {
        // SAFETY: `link_length` at an even offset, and `mode` behind it; asserted below.
        let word = unsafe { read_volatile(self.0.byte_add(offset_of!(MemberRow, link_length)).cast::<u16>()) };
        word == u16::from_ne_bytes([length as u8, ForwardMode::L2 as u8])
    }

    /// The member's flags.
    #[inline(always)]
    pub(crate) fn flags(&self) -> u16 {
        // SAFETY: as above.
        unsafe { read_volatile(addr_of!((*self.0).flags)) }
    }

    /// The backend's address.
    #[inline(always)]
    pub(crate) fn backend(&self) -> Address {
        // SAFETY: as above.
        unsafe {
            Address {
                hi: read_volatile(addr_of!((*self.0).backend.hi)),
                lo: read_volatile(addr_of!((*self.0).backend.lo)),
            }
        }
    }
}

/// The start of a member's row, or a row of the next-hop map: a link header and the interface that it leaves by.
#[derive(Clone, Copy)]
pub(crate) struct NextHop(*const NextHopRow);

/// One of the next hops of a group, chosen by a flow's hash; `None` past the map's end.
#[inline(always)]
pub(crate) fn next_hop(group: u16, hash: u64) -> Option<NextHop> {
    // Bits that neither the slot nor the source port of a tunnel is chosen by.
    let row = u32::from(group) * NEXT_HOPS_PER_GROUP + ((hash >> 14) as u32 & (NEXT_HOPS_PER_GROUP - 1));
    NEXT_HOPS.get_ptr(row).map(NextHop)
}

impl NextHop {
    /// Destination MAC and the first two bytes of the source MAC, in frame byte order.
    #[inline(always)]
    pub(crate) fn macs_head(self) -> u64 {
        // SAFETY: an element of the array; `link` starts the row and so is aligned.
        unsafe { read_volatile(self.0.cast::<u64>()) }
    }

    /// The last four bytes of the source MAC, in frame byte order.
    #[inline(always)]
    pub(crate) fn macs_tail(self) -> u32 {
        // SAFETY: bytes 8 to 11 of `link`, aligned.
        unsafe { read_volatile(self.0.byte_add(8).cast::<u32>()) }
    }

    /// VLAN tag `index` (0 or 1): TPID and TCI, in frame byte order.
    #[inline(always)]
    pub(crate) fn tag(self, index: usize) -> u32 {
        // SAFETY: bytes 12 to 19 of `link`, aligned; callers index with 0 or 1.
        unsafe { read_volatile(self.0.byte_add(12 + index * 4).cast::<u32>()) }
    }

    /// Bytes of the link header before the EtherType.
    #[inline(always)]
    pub(crate) fn link_length(self) -> usize {
        // SAFETY: an element of the array.
        unsafe { read_volatile(addr_of!((*self.0).link_length)) as usize }
    }

    /// The interface that the packet leaves by.
    #[inline(always)]
    pub(crate) fn ifindex(self) -> u32 {
        // SAFETY: as above.
        unsafe { read_volatile(addr_of!((*self.0).ifindex)) }
    }

    /// The index of the same interface in the device map.
    #[inline(always)]
    pub(crate) fn device(self) -> u32 {
        // SAFETY: as above.
        unsafe { read_volatile(addr_of!((*self.0).device)) }
    }
}

const _: () = assert!(offset_of!(MemberRows, member) == 0);
const _: () = assert!(offset_of!(MemberRow, link_length).is_multiple_of(2));
const _: () = assert!(offset_of!(MemberRow, mode) == offset_of!(MemberRow, link_length) + 1);

/// A member's tunnel. Read part by part where it is used, so that little has to be kept across a helper's call.
pub(crate) struct Tunnel(*const TunnelRow);

impl Tunnel {
    /// The largest packet that fits the path.
    #[inline(always)]
    pub(crate) fn limit(&self) -> u16 {
        // SAFETY: an element of the array.
        unsafe { read_volatile(addr_of!((*self.0).limit)) }
    }

    /// The group of next hops; zero if the next hop is in the member's row.
    #[inline(always)]
    pub(crate) fn group(&self) -> u16 {
        // SAFETY: as above.
        unsafe { read_volatile(addr_of!((*self.0).group)) }
    }

    /// The `TUNNEL_` flags.
    #[inline(always)]
    pub(crate) fn flags(&self) -> u8 {
        // SAFETY: as above.
        unsafe { read_volatile(addr_of!((*self.0).flags)) }
    }

    /// Bytes in front of the packet.
    #[inline(always)]
    pub(crate) fn overhead(&self) -> u8 {
        // SAFETY: as above.
        unsafe { read_volatile(addr_of!((*self.0).overhead)) }
    }

    /// The DSCP code of the VIP.
    #[inline(always)]
    pub(crate) fn dscp(&self) -> u8 {
        // SAFETY: as above.
        unsafe { read_volatile(addr_of!((*self.0).dscp)) }
    }

    /// Word `INDEX` of the outer IP header.
    #[inline(always)]
    pub(crate) fn ip<const INDEX: usize>(&self) -> u64 {
        const { assert!(INDEX < 5) };
        // SAFETY: as above, and the index is within the field.
        unsafe { read_volatile(addr_of!((*self.0).ip).cast::<u64>().add(INDEX)) }
    }

    /// Word `INDEX` behind the outer IP header.
    #[inline(always)]
    pub(crate) fn shim<const INDEX: usize>(&self) -> u32 {
        const { assert!(INDEX < 3) };
        // SAFETY: as above, and the index is within the field.
        unsafe { read_volatile(addr_of!((*self.0).shim).cast::<u32>().add(INDEX)) }
    }

    /// The bits of the outer source that vary with the flow.
    #[inline(always)]
    pub(crate) fn varied(&self) -> u32 {
        // SAFETY: as above.
        unsafe { read_volatile(addr_of!((*self.0).varied)) }
    }
}
