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
    standings: Vec<Standing>,
}

impl View {
    /// The table is the product's own, its size too.
    pub(crate) fn build(pool: &[Declared], seed: u64) -> Self {
        let candidates: Vec<_> = pool.iter().enumerate().map(|(number, member)| candidate(number, *member)).collect();
        let declared = pool.iter().filter(|member| member.standing != Standing::Absent).count();
        let table = maglev::table(&candidates, maglev::size_for(declared), seed);
        Self {
            slots: table.into_iter().map(|owner| owner.map(Member)).collect(),
            standings: pool.iter().map(|member| member.standing).collect(),
        }
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
