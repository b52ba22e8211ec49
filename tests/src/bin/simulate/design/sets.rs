//! A table of flows as the data path has it: sets of entries, the stalest of a set gives way.

use dsr_common::track::{self, Entry, FlowSet, WAYS};

use super::Work;
use crate::pool::Member;

/// One of the two tables.
#[derive(Clone)]
pub(crate) struct FlowTable {
    sets: Vec<FlowSet>,
    held: usize,
}

impl FlowTable {
    /// Of at most so many bytes: a power of two of sets, one at least.
    pub(crate) fn new(bytes: usize) -> Self {
        let sets = (bytes / size_of::<FlowSet>()).max(1);
        Self { sets: vec![FlowSet::default(); 1 << sets.ilog2()], held: 0 }
    }

    /// A flow's member, by the entry with its tag.
    pub(crate) fn find(&mut self, hash: u64, work: &mut Work) -> Option<Found<'_>> {
        work.lookups += 1;
        let index = self.index(hash);
        let set = &mut self.sets[index].0;
        let way = set.iter().position(|word| Entry::from_word(*word).is_of(hash))?;
        Some(Found { word: &mut set[way], held: &mut self.held })
    }

    /// Writes a flow's entry: over its own, else an empty one, else the stalest.
    pub(crate) fn insert(&mut self, hash: u64, clock: u64, member: Member, work: &mut Work) {
        work.writes += 1;
        let index = self.index(hash);
        let set = &mut self.sets[index].0;
        let own = set.iter().position(|word| Entry::from_word(*word).is_of(hash));
        let stalest = || (0..WAYS).max_by_key(|way| Entry::from_word(set[*way]).staleness(clock)).unwrap_or_default();
        let way = own.unwrap_or_else(stalest);
        if set[way] == Entry::EMPTY.word() {
            self.held += 1;
        } else if own.is_none() {
            work.evicted += 1;
        }
        set[way] = Entry::new(hash, clock, u32::from(member.0)).word();
    }

    /// Clears the entries that are not kept.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(Entry) -> bool) {
        if self.held == 0 {
            return;
        }
        for word in self.sets.iter_mut().flat_map(|set| &mut set.0) {
            let entry = Entry::from_word(*word);
            if !entry.is_empty() && !keep(entry) {
                *word = Entry::EMPTY.word();
                self.held -= 1;
            }
        }
    }

    /// Entries that are not empty.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// Bytes of the entries that are not empty.
    pub(crate) fn used_bytes(&self) -> usize {
        self.held * size_of::<Entry>()
    }

    /// Bytes of all.
    pub(crate) fn reserved_bytes(&self) -> usize {
        self.sets.len() * size_of::<FlowSet>()
    }

    fn index(&self, hash: u64) -> usize {
        track::set(hash, self.sets.len() as u32 - 1) as usize
    }
}

/// An entry that was found.
pub(crate) struct Found<'a> {
    word: &'a mut u64,
    held: &'a mut usize,
}

impl Found<'_> {
    /// The flow's member.
    pub(crate) fn member(&self) -> Member {
        Member(Entry::from_word(*self.word).row() as u16)
    }

    /// The flow was seen. Ticks of the flow clock since it was last.
    pub(crate) fn refresh(self, clock: u64, work: &mut Work) -> u64 {
        let entry = Entry::from_word(*self.word);
        let seen = entry.seen(clock).word();
        if *self.word != seen {
            *self.word = seen;
            work.writes += 1;
        }
        entry.age(clock)
    }

    /// The flow is forgotten.
    pub(crate) fn clear(self) {
        *self.word = Entry::EMPTY.word();
        *self.held -= 1;
    }
}
