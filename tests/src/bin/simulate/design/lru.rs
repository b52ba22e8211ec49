//! A table of flows beside the Maglev table, as other balancers have it; the least recently used flow gives way.
//!
//! Better than the kernel's `LRU_HASH`, whose order is approximate. Entries of members that are called dead count as
//! misses, as in this design.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use super::{Balancer, Memory, Message, Packet, Segment, Work, slot_bytes};
use crate::{
    pool::{Member, View},
    time::Moment,
};

/// Bytes that the kernel takes for an entry of an `LRU_HASH` (`kernel/bpf/hashtab.c`, 64 bit): `struct htab_elem`, a
/// key of two IPv6 addresses, ports and protocol, a value of up to eight bytes, and one `struct bucket`.
const ENTRY_BYTES: usize = 48 + 40 + 8 + 16;

/// IPVS tells of a connection at its third packet, and again after each fifty (`sync_threshold`).
const IPVS_THRESHOLD: (u32, u32) = (3, 50);

/// Which flows are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// All that this balancer sees.
    All,
    /// Those of them that the next change will move.
    Unsafe,
    /// All that any balancer sees.
    AllOfAll,
}

/// A balancer that remembers flows.
pub(crate) struct PerFlow {
    keeps: Keeps,
    outbox: Vec<Message>,
    capacity: usize,
    index: HashMap<u64, u32, BuildHasherDefault<Hashed>>,
    entries: Vec<Entry>,
    work: Work,
}

/// A flow, between the one that was used after it and the one before. Entry 0 is the ring's begin and holds no flow.
struct Entry {
    hash: u64,
    member: Member,
    packets: u32,
    newer: u32,
    older: u32,
}

impl PerFlow {
    /// With so many bytes for flows.
    pub(crate) fn new(bytes: usize, keeps: Keeps) -> Self {
        Self {
            keeps,
            outbox: Vec::new(),
            capacity: bytes / ENTRY_BYTES,
            index: HashMap::default(),
            entries: vec![Entry { hash: 0, member: Member(0), packets: 0, newer: 0, older: 0 }],
            work: Work::default(),
        }
    }

    fn find(&mut self, hash: u64, view: &View) -> Option<Member> {
        self.work.lookups += 1;
        let entry = *self.index.get(&hash)?;
        let known = &mut self.entries[entry as usize];
        let member = known.member;
        if !view.serves(member) {
            return None;
        }
        known.packets += 1;
        let (first, period) = IPVS_THRESHOLD;
        if self.keeps == Keeps::AllOfAll && known.packets % period == first {
            self.outbox.push(Message::Connection { hash, member });
        }
        self.unlink(entry);
        self.link(entry);
        Some(member)
    }

    fn remember(&mut self, hash: u64, member: Member, packets: u32) {
        self.work.writes += 1;
        let entry = if let Some(entry) = self.index.get(&hash) {
            *entry
        } else if self.entries.len() <= self.capacity {
            self.entries.push(Entry { hash, member, packets, newer: 0, older: 0 });
            let entry = (self.entries.len() - 1) as u32;
            self.link(entry);
            entry
        } else {
            self.work.evicted += 1;
            let oldest = self.entries[0].newer;
            self.index.remove(&self.entries[oldest as usize].hash);
            oldest
        };
        self.index.insert(hash, entry);
        let known = &mut self.entries[entry as usize];
        (known.hash, known.member, known.packets) = (hash, member, packets);
        self.unlink(entry);
        self.link(entry);
    }

    fn unlink(&mut self, entry: u32) {
        let Entry { newer, older, .. } = self.entries[entry as usize];
        self.entries[newer as usize].older = older;
        self.entries[older as usize].newer = newer;
    }

    /// Makes an entry the newest.
    fn link(&mut self, entry: u32) {
        let newest = std::mem::replace(&mut self.entries[0].older, entry);
        self.entries[newest as usize].newer = entry;
        let linked = &mut self.entries[entry as usize];
        (linked.newer, linked.older) = (0, newest);
    }
}

impl Balancer for PerFlow {
    fn route(&mut self, view: &View, packet: Packet, _now: Moment) -> Option<Member> {
        if packet.segment == Segment::Follows
            && let Some(member) = self.find(packet.hash, view)
        {
            return Some(member);
        }
        let member = view.current(packet.hash)?;
        if self.keeps != Keeps::Unsafe || view.will_move(packet.hash) {
            self.remember(packet.hash, member, 1);
        }
        Some(member)
    }

    fn restart(&mut self, _view: &View) {
        let work = self.work;
        *self = Self { work, ..Self::new(self.capacity * ENTRY_BYTES, self.keeps) };
    }

    fn outbox(&mut self) -> Option<&mut Vec<Message>> {
        Some(&mut self.outbox)
    }

    fn hear(&mut self, _view: &View, _peer: usize, message: Message, _now: Moment) {
        if let Message::Connection { hash, member } = message {
            self.remember(hash, member, IPVS_THRESHOLD.0);
        }
    }

    fn memory(&self, view: &View) -> Memory {
        let slots = slot_bytes(view);
        Memory { used: slots + (self.entries.len() - 1) * ENTRY_BYTES, reserved: slots + self.capacity * ENTRY_BYTES }
    }

    fn work(&self) -> Work {
        self.work
    }
}

/// The hash of what is a keyed hash already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 ^= word;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::{Declared, Standing};

    #[test]
    fn the_least_recently_used_flow_gives_way() {
        let view = View::build(&[Declared { standing: Standing::Active, weight: 1 }], 1);
        let mut table = PerFlow::new(3 * ENTRY_BYTES, Keeps::All);
        for flow in [1, 2, 3] {
            table.remember(flow, Member(0), 1);
        }
        assert_eq!(table.find(1, &view), Some(Member(0)));
        table.remember(4, Member(0), 1);
        assert_eq!(table.find(2, &view), None, "it was the oldest");
        for flow in [3, 1, 4] {
            assert_eq!(table.find(flow, &view), Some(Member(0)), "flow {flow}");
        }
        assert_eq!(table.work.evicted, 1);
        assert_eq!(table.memory(&view).used, table.memory(&view).reserved);
    }
}
