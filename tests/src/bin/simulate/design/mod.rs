//! The designs that are compared: what each remembers, and where it therefore sends a packet.
//!
//! All of them choose the backend of a new flow by the same table, so that they differ in nothing but memory.

mod beamer;
mod lru;
mod maglev;
mod message;
mod sets;
mod shared;
#[cfg(test)]
mod shared_tests;
mod slots;
mod tracked;

use std::ops::AddAssign;

use dsr_common::slot::{self, SlotBlock};

pub(crate) use self::{
    message::{Message, Snapshot},
    shared::{Sharing, Without},
};
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
    /// JET: the table, and in a table of so many bytes the flows that the change to come would move. It is told of each
    /// change when the one before has been made. Mendelson et al., Load Balancing with JET, `CoNEXT` 2021.
    Jet(usize),
    /// The table and the member before: a backend passes packets of flows that it does not know on to that. Olteanu et
    /// al., Stateless Datacenter Load-balancing with Beamer, NSDI 2018.
    Beamer,
    /// As [`Self::Lru`], and every flow is told to all balancers, as IPVS synchronises connections.
    Ipvs(usize),
    /// This design, each balancer on its own.
    Dsr(Tracking),
    /// This design, its balancers telling each other what is in transition.
    Shared(Tracking, Sharing),
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
            Self::Jet(bytes) => format!("JET {}", size(bytes)),
            Self::Beamer => "Beamer".to_owned(),
            Self::Ipvs(bytes) => format!("IPVS {}", size(bytes)),
            Self::Dsr(tracking) => format!("dsr {}", size(tracking.bytes)),
            Self::Shared(tracking, _) => format!("dsr shared {}", size(tracking.bytes)),
        }
    }

    /// What is set aside for flows.
    pub(crate) fn flow_bytes(self) -> usize {
        match self {
            Self::Maglev | Self::Beamer => 0,
            Self::Lru(bytes) | Self::Jet(bytes) | Self::Ipvs(bytes) => bytes,
            Self::Dsr(tracking) | Self::Shared(tracking, _) => tracking.bytes,
        }
    }

    /// `flow_timeout` in seconds, where the design has one.
    pub(crate) fn flow_timeout(self) -> Option<u32> {
        match self {
            Self::Dsr(tracking) | Self::Shared(tracking, _) => Some(tracking.timeout),
            Self::Maglev | Self::Beamer | Self::Lru(_) | Self::Jet(_) | Self::Ipvs(_) => None,
        }
    }

    /// How its messages travel.
    pub(crate) fn sharing(self) -> Sharing {
        if let Self::Shared(_, sharing) = self { sharing } else { Sharing::PROMPT }
    }

    /// One balancer of this design, just started.
    pub(crate) fn balancer(self, view: &View) -> Box<dyn Balancer> {
        match self {
            Self::Maglev => Box::new(maglev::Stateless),
            Self::Lru(bytes) => Box::new(lru::PerFlow::new(bytes, lru::Keeps::All)),
            Self::Jet(bytes) => Box::new(lru::PerFlow::new(bytes, lru::Keeps::Unsafe)),
            Self::Beamer => Box::new(beamer::Chained),
            Self::Ipvs(bytes) => Box::new(lru::PerFlow::new(bytes, lru::Keeps::AllOfAll)),
            Self::Shared(tracking, sharing) => Box::new(shared::Shared::new(tracking, sharing, view)),
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

    /// Where a backend that does not know the flow of a packet passes it on to.
    fn second_chance(&self, _view: &View, _packet: Packet) -> Option<Member> {
        None
    }

    /// The balancer learns of a change of the pool; `new` is its view from now on.
    fn learn(&mut self, _old: &View, _new: &View, _now: Moment) {}

    /// What its agent does from time to time.
    fn tend(&mut self, _view: &View, _now: Moment) {}

    /// It has been down, and begins with nothing but the newest view.
    fn restart(&mut self, _view: &View) {}

    /// Messages for its peers, to be taken out.
    fn outbox(&mut self) -> Option<&mut Vec<Message>> {
        None
    }

    /// A message of a peer.
    fn hear(&mut self, _view: &View, _peer: usize, _message: Message, _now: Moment) {}

    /// What it answers to a balancer that starts.
    fn snapshot(&self) -> Option<Snapshot> {
        None
    }

    /// After a restart: what a peer answered, whose view is `theirs`.
    fn join(&mut self, _snapshot: Snapshot, _theirs: &View, _own: &View, _now: Moment) {}

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
