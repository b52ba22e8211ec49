//! The designs that are compared: what each remembers, and where it therefore sends a packet.
//!
//! All of them choose the backend of a new flow by the same table, so that they differ in nothing but memory.

mod lru;
mod maglev;
mod sets;
mod slots;
mod tracked;

use std::ops::AddAssign;

use dsr_common::slot::{self, SlotBlock};

use crate::{
    pool::{Member, View},
    time::Moment,
};

/// What a design is, and how much it may remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Design {
    /// The table alone.
    Maglev,
    /// The table, and every flow in a table of so many bytes, of which the least recently used gives way.
    Lru(usize),
    /// This design.
    Dsr(Tracking),
}

/// What this design gets to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tracking {
    /// Bytes for flows, those of embryonic ones aside.
    pub(crate) bytes: usize,
    /// `flow_timeout`, in seconds.
    pub(crate) timeout: u32,
}

impl Tracking {
    /// So many bytes, and the product's default for `flow_timeout`.
    pub(crate) const fn with_bytes(bytes: usize) -> Self {
        Self { bytes, timeout: 900 }
    }
}

impl Design {
    /// As tables name it.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Maglev => "Maglev".to_owned(),
            Self::Lru(bytes) => format!("LRU {}", size(bytes)),
            Self::Dsr(tracking) => format!("dsr {}", size(tracking.bytes)),
        }
    }

    /// One balancer of this design, just started.
    pub(crate) fn balancer(self, view: &View) -> Box<dyn Balancer> {
        match self {
            Self::Maglev => Box::new(maglev::Stateless),
            Self::Lru(bytes) => Box::new(lru::PerFlow::new(bytes)),
            Self::Dsr(tracking) => Box::new(tracked::Tracked::new(tracking, view)),
        }
    }
}

/// Which packet of its flow it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// The first: a SYN.
    Opens,
    /// Any other.
    Follows,
}

/// A packet as a balancer sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet {
    /// The flow's keyed hash.
    pub(crate) hash: u64,
    pub(crate) segment: Segment,
}

/// One balancer of a cluster.
pub(crate) trait Balancer {
    /// Where a packet goes. `view` is what this balancer knows of the pool.
    fn route(&mut self, view: &View, packet: Packet, now: Moment) -> Option<Member>;

    /// The balancer learns of a change of the pool; `new` is its view from now on.
    fn learn(&mut self, _old: &View, _new: &View, _now: Moment) {}

    /// What its agent does from time to time.
    fn tend(&mut self, _view: &View, _now: Moment) {}

    /// It has been down, and begins with nothing but the newest view.
    fn restart(&mut self, _view: &View) {}

    /// The memory that it takes.
    fn memory(&self, view: &View) -> Memory;

    /// What it has done.
    fn work(&self) -> Work {
        Work::default()
    }
}

/// Bytes of tables.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// That hold something now.
    pub(crate) used: usize,
    /// That are set aside.
    pub(crate) reserved: usize,
}

/// What per-flow tables cost, beyond the one look-up of the slot.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Work {
    /// Look-ups in tables of flows.
    pub(crate) lookups: u64,
    /// Entries written there: new ones, and newer ages.
    pub(crate) writes: u64,
    /// Entries that gave way to others.
    pub(crate) evicted: u64,
}

impl AddAssign for Work {
    fn add_assign(&mut self, other: Self) {
        self.lookups += other.lookups;
        self.writes += other.writes;
        self.evicted += other.evicted;
    }
}

/// Bytes of a service's slots.
fn slot_bytes(view: &View) -> usize {
    slot::blocks(view.size()) as usize * size_of::<SlotBlock>()
}

/// A size in words: all that occur are powers of two.
pub(crate) fn size(bytes: usize) -> String {
    if bytes >= 1 << 20 { format!("{} MiB", bytes >> 20) } else { format!("{} KiB", bytes >> 10) }
}
