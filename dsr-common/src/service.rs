//! A row of the service map, found by open addressing with a bounded number of probes.

use crate::{
    address::{Address, Family},
    slot,
    track::CLIENT_BITS,
};

/// Protocol, port and family of a service in one word, compared at once.
///
/// Bits 0 to 15: the port in network byte order as loaded from memory. Bits 16 to 23: the protocol number. Bits 24 to
/// 31: the family, 4 or 6. Zero is an empty row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct ServiceKey(pub u32);

impl ServiceKey {
    /// A row that once held a service: no match, but the search continues.
    pub const VACATED: Self = Self(u32::MAX);
    /// A row that never held a service: the search ends.
    pub const EMPTY: Self = Self(0);

    /// Whether a row with this key belongs to a service or a VIP.
    pub const fn is_used(self) -> bool {
        self.0 != Self::EMPTY.0 && self.0 != Self::VACATED.0
    }

    /// A service on one port. `port` is in network byte order as loaded from memory.
    #[inline(always)]
    pub const fn exact(family: Family, protocol: u8, port: u16) -> Self {
        Self(port as u32 | (protocol as u32) << 16 | (family as u32) << 24)
    }

    /// A service on all ports of a protocol, including port zero.
    #[inline(always)]
    pub const fn any_port(family: Family, protocol: u8) -> Self {
        Self::exact(family, protocol, 0)
    }

    /// A service on all protocols but ICMP.
    #[inline(always)]
    pub const fn any_protocol(family: Family) -> Self {
        Self::exact(family, ANY_PROTOCOL, 0)
    }

    /// The VIP itself: the row that marks the address as a VIP, whatever the port.
    #[inline(always)]
    pub const fn vip(family: Family) -> Self {
        Self((family as u32) << 24)
    }
}

/// Where a service's slots are: one aligned word, so that a table is replaced atomically.
///
/// Bits 0 to 31: the first block in the slot map. Bits 32 to 39: flags. Bits 40 to 63: slots in the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct TableRef(pub u64);

impl TableRef {
    /// A table of `size` slots whose first block is row `block` of the slot map.
    pub const fn new(block: u32, size: u32, flags: u8) -> Self {
        Self(block as u64 | (flags as u64) << 32 | (size as u64) << 40)
    }

    /// The first block in the slot map.
    #[inline(always)]
    pub const fn block(self) -> u32 {
        self.0 as u32
    }

    /// Slots in the table.
    #[inline(always)]
    pub const fn size(self) -> u32 {
        (self.0 >> 40) as u32
    }

    /// Flags, see the `FLAG_` constants.
    #[inline(always)]
    pub const fn flags(self) -> u8 {
        (self.0 >> 32) as u8
    }

    /// The same table under the other slot selection rule: by client instead of by flow, or the reverse.
    #[must_use]
    #[inline(always)]
    pub const fn with_other_rule(self) -> Self {
        Self(self.0 ^ (FLAG_SOURCE as u64) << 32)
    }

    /// Whether both tables have the same slot selection rule.
    #[inline(always)]
    pub const fn has_rule_of(self, other: Self) -> bool {
        (self.flags() ^ other.flags()) & FLAG_SOURCE == 0
    }

    /// The same table with a flag added.
    #[must_use]
    pub const fn with_flag(self, flag: u8) -> Self {
        Self(self.0 | (flag as u64) << 32)
    }

    /// The slot of a flow, by the upper bits of its hash; with [`FLAG_SOURCE`] only by those that depend on the client
    /// alone.
    #[inline(always)]
    pub const fn slot(self, hash: u64) -> u32 {
        let hash = if self.flags() & FLAG_SOURCE != 0 { hash & CLIENT_BITS } else { hash };
        slot::index(hash, self.size())
    }
}

/// Stands for all protocols in a key; the number is reserved (IANA "Protocol Numbers").
pub const ANY_PROTOCOL: u8 = 255;

/// Flag of a VIP's own row: ARP requests and neighbour solicitations for it are answered.
pub const FLAG_ANNOUNCE: u8 = 1;

/// Flag of a service's row: a packet without a backend is rejected (`on_empty: reject`).
pub const FLAG_REJECT: u8 = 2;

/// Flag of a service's row: a client's flows share a slot (`affinity: source`).
pub const FLAG_SOURCE: u8 = 4;

/// Flag of a service's row: every flow is recorded, whether its slot is tracked or not (`affinity: flow`).
pub const FLAG_REMEMBER: u8 = 8;

/// Flag of a service's row: its packets are passed to the node while the agent is dead (`on_agent_death: pass`).
pub const FLAG_PASS: u8 = 16;

/// Flag of an old table: since it was replaced, the service has selected slots both by flow and by client
/// ([`FLAG_SOURCE`]). Until flows are seen again, they may be recorded under either hash.
pub const FLAG_REHASHED: u8 = 32;

/// Flag of a service's row and of its VIP's row: the VIP is only in the VLANs of its own list (`vlans`).
pub const FLAG_VLANS: u8 = 64;

/// Where a service's members are: one aligned word, so that they are moved atomically.
///
/// Bits 0 to 23: the first row in the member map. Bits 24 to 31: the binary logarithm of the number of reserved rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct MembersRef(pub u32);

impl MembersRef {
    /// `1 << order` rows from row `base` of the member map.
    pub const fn new(base: u32, order: u8) -> Self {
        Self(base & 0xff_ffff | (order as u32) << 24)
    }

    /// The first row in the member map.
    #[inline(always)]
    pub const fn base(self) -> u32 {
        self.0 & 0xff_ffff
    }

    /// Rows reserved for this service.
    pub const fn capacity(self) -> u32 {
        1 << (self.0 >> 24)
    }
}

/// One service or one VIP: half a cache line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(32))]
pub struct ServiceRow {
    /// The VIP.
    pub vip: Address,
    /// Protocol, port and family.
    pub key: ServiceKey,
    /// Its members.
    pub members: MembersRef,
    /// Its slots.
    pub table: TableRef,
}

const _: () = assert!(size_of::<ServiceRow>() == 32);
