//! Records of flows, used while the member of their slot changes: sets of eight words, one cache line per set.
//!
//! Two tables have this shape. The established table holds flows of which two or more packets were seen, the embryonic
//! table those of which one was seen, usually a SYN. A flood of packets that are each the only one of their flow fills
//! only the embryonic table.

use crate::{
    flow::Flow,
    hash::Keys,
    service::{FLAG_SOURCE, TableRef},
};

/// Entries of one set.
pub const WAYS: usize = 8;

/// The highest row of the member map that an entry can name.
pub const ROW_MAX: u32 = ROW_MASK as u32 - 1;

/// One row of the established or the embryonic table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct FlowSet(pub [u64; WAYS]);

const _: () = assert!(size_of::<FlowSet>() == 64);

/// The record of one flow: a word, read and written atomically. Zero is an empty entry.
///
/// Bits 0 to 19: the member's row in the member map, at most [`ROW_MAX`]. Bits 20 to 27: the flow clock's low bits when
/// the flow was last seen. Bits 28 to 63: a tag, the same bits of the flow's hash, which determines the slot. A packet
/// of an unknown flow matches one of the eight tags of its set by chance once in 2^33; with `affinity: source`, where
/// only the lowest 19 of these bits differ between connections of one client, it matches each entry of the same client
/// in the same set, to whatever service, once in 2^19.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Entry(u64);

const AGE_SHIFT: u32 = 20;
const AGE_MASK: u64 = 0xff;
const TAG_SHIFT: u32 = 28;
const ROW_MASK: u64 = 0xf_ffff;

/// The set of a flow's entry, in a table of `mask + 1` sets, a power of two.
#[inline(always)]
pub const fn set(hash: u64, mask: u32) -> u32 {
    hash as u32 & mask
}

/// The way at which the search for a place starts: different for each flow, so that among equally stale entries it is
/// not always the same one that is evicted.
#[inline(always)]
pub const fn first_way(hash: u64) -> usize {
    (hash >> TAG_SHIFT) as usize % WAYS
}

impl Entry {
    /// An empty entry.
    pub const EMPTY: Self = Self(0);

    /// An entry for a member's row, written at flow clock `clock`.
    #[inline(always)]
    pub const fn new(hash: u64, clock: u64, row: u32) -> Self {
        Self(hash >> TAG_SHIFT << TAG_SHIFT | (clock & AGE_MASK) << AGE_SHIFT | row as u64 & ROW_MASK)
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

    /// Whether the entry is empty.
    #[inline(always)]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The member's row.
    #[inline(always)]
    pub const fn row(self) -> u32 {
        (self.0 & ROW_MASK) as u32
    }

    /// The same entry for another row, to which its member was moved.
    #[must_use]
    pub const fn with_row(self, row: u32) -> Self {
        Self(self.0 & !ROW_MASK | row as u64 & ROW_MASK)
    }

    /// The same entry under another hash of its flow. Both hashes select the same set.
    #[must_use]
    #[inline(always)]
    pub const fn known_by(self, hash: u64) -> Self {
        Self(hash >> TAG_SHIFT << TAG_SHIFT | self.0 & ((1 << TAG_SHIFT) - 1))
    }

    /// The same entry, last seen at flow clock `clock`.
    #[must_use]
    #[inline(always)]
    pub const fn seen(self, clock: u64) -> Self {
        Self(self.0 & !(AGE_MASK << AGE_SHIFT) | (clock & AGE_MASK) << AGE_SHIFT)
    }

    /// Whether this is the entry of the flow with this hash.
    #[inline(always)]
    pub const fn is_of(self, hash: u64) -> bool {
        self.0 != 0 && self.0 >> TAG_SHIFT == hash >> TAG_SHIFT
    }

    /// Ticks of the flow clock since the flow was last seen. Wraps around after 256 ticks: the agent removes entries
    /// before.
    #[inline(always)]
    pub const fn age(self, clock: u64) -> u64 {
        clock.wrapping_sub(self.0 >> AGE_SHIFT) & AGE_MASK
    }

    /// Eviction priority: the highest is evicted first.
    #[inline(always)]
    pub const fn staleness(self, clock: u64) -> u64 {
        if self.0 == 0 { u64::MAX } else { self.age(clock) }
    }

    /// The upper bits of the flow's hash, the others zero: sufficient to determine its slot.
    pub const fn hash(self) -> u64 {
        self.0 >> TAG_SHIFT << TAG_SHIFT
    }

    /// The flow's slot in a table of its service, whatever its size.
    pub const fn slot(self, table: TableRef) -> u32 {
        table.slot(self.hash())
    }
}

/// The hash that selects a flow's slot and identifies its entry.
///
/// If a client's flows share a slot, the upper bits are those of the hash of the client's address, whatever the
/// service, and the lower ones the flow's own: the flows of a client are still recorded one by one.
#[inline(always)]
pub fn hash(keys: &impl Keys, flow: &Flow, table: TableRef) -> u64 {
    let whole = keys.flow(flow);
    if table.flags() & FLAG_SOURCE == 0 {
        return whole;
    }
    let client = keys.client(flow.family, flow.client);
    client & CLIENT_BITS | whole & !CLIENT_BITS
}

/// The bits of a flow's hash that select the slot if only the client decides. As few as give every slot of every table
/// nearly the same share of them (in the largest, 2 of 2^17 each), because the remaining bits distinguish the client's
/// flows.
pub const CLIENT_BITS: u64 = !0 << 47;

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use crate::{
        address::{Address, Family},
        hash::HashKeys,
    };

    const HASH: u64 = 0x1234_5678_9abc_def0;

    #[test]
    fn an_entry_gives_back_what_it_was_made_of() {
        let entry = Entry::new(HASH, 0x1_fe, 0xa_bcde);
        assert_eq!((entry.row(), entry.hash()), (0xa_bcde, 0x1234_5678_9000_0000));
        assert!(entry.is_of(HASH) && entry.is_of(HASH ^ 1 << 27) && !entry.is_of(HASH ^ 1 << 28));
        assert_eq!((entry.age(0x1_fe), entry.age(0x2_01), entry.age(0xfe)), (0, 3, 0));
        assert_eq!(entry.seen(0x201), Entry::new(HASH, 0x201, 0xa_bcde));
        assert_eq!(entry.with_row(7), Entry::new(HASH, 0x1_fe, 7));
        assert_eq!(entry.known_by(!HASH), Entry::new(!HASH, 0x1_fe, 0xa_bcde));
    }

    #[test]
    fn an_empty_entry_is_nobodys_and_gives_way_first() {
        assert!(!Entry::EMPTY.is_of(0) && Entry::EMPTY.is_empty());
        assert!(Entry::EMPTY.staleness(1) > Entry::new(HASH, 0, 1).staleness(0xff));
    }

    #[test]
    fn an_entry_tells_the_slot_of_its_flow() {
        for flags in [0, FLAG_SOURCE] {
            let table = TableRef::new(0, 65537, flags);
            for hash in [HASH, !HASH, HASH << 7, u64::MAX, 0] {
                assert_eq!(Entry::new(hash, 9, 3).slot(table), table.slot(hash));
            }
        }
    }

    #[test]
    fn flows_of_one_client_share_a_slot_and_no_entry() {
        let keys = HashKeys::from_seed(1);
        let flow = |client: u8, client_port| Flow {
            family: Family::V4,
            protocol: 6,
            client_port,
            service_port: 80,
            client: Address::from_v4([10, 0, 0, client]),
            vip: Address::from_v4([192, 0, 2, 10]),
        };
        let (by_flow, by_source) = (TableRef::new(0, 65537, 0), TableRef::new(0, 65537, FLAG_SOURCE));
        let [one, two, other] = [flow(1, 1), flow(1, 2), flow(2, 1)].map(|flow| hash(&keys, &flow, by_source));
        assert_eq!(by_source.slot(one), by_source.slot(two));
        assert_ne!(by_source.slot(one), by_source.slot(other));
        assert!(!Entry::new(one, 0, 1).is_of(two));
        assert_eq!(hash(&keys, &flow(1, 2), by_flow), keys.flow(&flow(1, 2)));
        assert_eq!(hash(&keys, &flow(1, 2), by_flow.with_other_rule()), two);
        assert_eq!(set(hash(&keys, &flow(1, 2), by_flow), 0xffff), set(two, 0xffff), "its entries are in one set");
    }

    #[test]
    fn a_client_has_one_slot_in_all_services_and_an_entry_for_each_flow() {
        let keys = HashKeys::from_seed(1);
        let table = TableRef::new(0, 65537, FLAG_SOURCE);
        let vips = [[192, 0, 2, 10], [192, 0, 2, 11]].map(Address::from_v4);
        let flow = |n: u16| Flow {
            family: Family::V4,
            protocol: if n.is_multiple_of(2) { 6 } else { 17 },
            client_port: n.to_be(),
            service_port: if n.is_multiple_of(3) { 21 } else { 50000_u16.to_be() },
            client: Address::from_v4([10, 0, 0, 1]),
            vip: vips[usize::from(n) % 2],
        };
        let first = hash(&keys, &flow(0), table);
        for n in 1..1000 {
            let other = hash(&keys, &flow(n), table);
            assert_eq!(table.slot(other), table.slot(first), "port {n}");
            assert_ne!(other, first, "port {n}");
        }
    }

    #[test]
    fn the_bits_of_the_client_give_all_slots_nearly_the_same_share() {
        for size in crate::limits::TABLE_SIZES {
            let table = TableRef::new(0, size, FLAG_SOURCE);
            let mut shares = std::vec![0_u32; size as usize];
            (0..1_u64 << CLIENT_BITS.count_ones())
                .for_each(|client| shares[table.slot(client << CLIENT_BITS.trailing_zeros()) as usize] += 1);
            let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
            assert!(most - least <= 1, "{size} slots: {least} to {most}");
        }
    }

    #[test]
    fn the_set_is_chosen_by_bits_that_are_not_in_the_tag() {
        assert_eq!((set(HASH, 0xfff), set(HASH, 0)), (0xef0, 0));
    }
}
