//! A pool of backends, and what a balancer that knows it makes of it: its Maglev table.

use dsr::maglev::{self, Candidate};
use dsr_common::{address::Address, slot};

/// A backend, by its number. Numbers are never given again: one that joins is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member(pub(crate) u16);

/// What a balancer thinks of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Not declared: not yet, or no longer.
    Absent,
    /// Declared, but called dead by its health check.
    Down,
    /// Keeps what it has and gets nothing new.
    Draining,
    /// Gets its share.
    Active,
}

/// A member as declared and observed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declared {
    pub(crate) standing: Standing,
    pub(crate) weight: u16,
}

/// One version of the pool with the table that follows from it. Every balancer builds the same from the same version.
pub(crate) struct View {
    slots: Vec<Option<Member>>,
    /// Of each slot the member before, as long as the table has had this size; else the table before it tells.
    before: Vec<Option<Member>>,
    resized: Vec<Option<Member>>,
    /// Slots that the next version gives to others.
    moving: Vec<bool>,
    standings: Vec<Standing>,
}

impl View {
    /// The table is the product's own, its size too.
    pub(crate) fn build(pool: &[Declared], seed: u64) -> Self {
        let candidates: Vec<_> = pool.iter().enumerate().map(|(number, member)| candidate(number, *member)).collect();
        let declared = pool.iter().filter(|member| member.standing != Standing::Absent).count();
        let table = maglev::table(&candidates, maglev::size_for(declared), seed);
        Self {
            before: vec![None; table.len()],
            resized: Vec::new(),
            moving: vec![false; table.len()],
            slots: table.into_iter().map(|owner| owner.map(Member)).collect(),
            standings: pool.iter().map(|member| member.standing).collect(),
        }
    }

    /// The same version, knowing that another came before it. A member that died leaves nothing to pass packets to: the
    /// one before it stays.
    pub(crate) fn following(mut self, old: &Self) -> Self {
        if old.size() != self.size() {
            self.resized.clone_from(&old.slots);
            return self;
        }
        self.resized.clone_from(&old.resized);
        for (slot, (was, is)) in old.slots.iter().zip(&self.slots).enumerate() {
            let moved = was.filter(|member| *was != *is && self.serves(*member));
            self.before[slot] = moved.or(old.before[slot]);
        }
        self
    }

    /// Learns which version comes next.
    pub(crate) fn foresee(&mut self, next: &Self) {
        let moves = |slot: usize| self.size() != next.size() || self.slots[slot] != next.slots[slot];
        self.moving = (0..self.slots.len()).map(moves).collect();
    }

    /// Whether the next version gives a flow's slot to another member.
    pub(crate) fn will_move(&self, hash: u64) -> bool {
        self.moving[self.slot(hash)]
    }

    /// Who had a flow's slot before its member.
    pub(crate) fn before(&self, hash: u64) -> Option<Member> {
        let old = || self.resized.get(slot::index(hash, self.resized.len() as u32) as usize).copied().flatten();
        self.before[self.slot(hash)].or_else(old)
    }

    /// Slots of the table.
    pub(crate) fn size(&self) -> u32 {
        self.slots.len() as u32
    }

    /// The slot of a flow.
    pub(crate) fn slot(&self, hash: u64) -> usize {
        slot::index(hash, self.size()) as usize
    }

    /// Who gets the new flows of each slot.
    pub(crate) fn slots(&self) -> &[Option<Member>] {
        &self.slots
    }

    /// Who gets a new flow.
    pub(crate) fn current(&self, hash: u64) -> Option<Member> {
        self.slots[self.slot(hash)]
    }

    /// Whether packets can be sent to a member.
    pub(crate) fn serves(&self, member: Member) -> bool {
        matches!(self.standing(member), Standing::Draining | Standing::Active)
    }

    /// Whether a member's flows are kept: it can be sent to, or may come back.
    pub(crate) fn keeps(&self, member: Member) -> bool {
        self.standing(member) != Standing::Absent
    }

    /// Whether a member gets no new flows.
    pub(crate) fn drains(&self, member: Member) -> bool {
        self.standing(member) == Standing::Draining
    }

    fn standing(&self, member: Member) -> Standing {
        self.standings.get(usize::from(member.0)).copied().unwrap_or(Standing::Absent)
    }
}

fn candidate(number: usize, member: Declared) -> Candidate {
    let weight = if member.standing == Standing::Active { member.weight } else { 0 };
    Candidate { address: Address::from_v4((0x0a00_0001 + number as u32).to_be_bytes()), weight }
}
