//! What the agent keeps of a service's slots while a change settles: which are tracked, and who had them before.

use dsr_common::{hash::split_mix, limits::SLOTS_PER_BLOCK, previous::PreviousBlock};

use crate::{
    pool::{Member, View},
    time::Moment,
};

/// The slots of one service on one balancer.
#[derive(Clone)]
pub(crate) struct Slots {
    tracked: Vec<bool>,
    /// By slot of this table; after a change of size by slot of the table before, whose size it then has.
    previous: Vec<Option<Previous>>,
}

#[derive(Clone, Copy)]
struct Previous {
    member: Member,
    since: Moment,
}

impl Slots {
    /// All stable: nothing is known of the time before.
    pub(crate) fn new(view: &View) -> Self {
        let size = view.slots().len();
        Self { tracked: vec![false; size], previous: vec![None; size] }
    }

    /// Whether flows of a slot have to be looked up.
    pub(crate) fn is_tracked(&self, slot: usize) -> bool {
        self.tracked[slot]
    }

    /// Whether any is.
    pub(crate) fn any_tracked(&self) -> bool {
        self.tracked.contains(&true)
    }

    /// Flows of a slot have to be looked up from now on: a peer knows one that is not the slot's member's.
    pub(crate) fn track(&mut self, slot: usize) {
        self.tracked[slot] = true;
    }

    /// Who had the flow's slot before.
    pub(crate) fn previous(&self, hash: u64) -> Option<Member> {
        let slot = dsr_common::slot::index(hash, self.previous.len() as u32);
        self.previous[slot as usize].map(|previous| previous.member)
    }

    /// Whether a flow's slot has a member before, or cannot get one because a change of size is not over.
    pub(crate) fn is_changing(&self, hash: u64) -> bool {
        self.previous.len() != self.tracked.len() || self.previous(hash).is_some()
    }

    /// A number that is the same on two balancers if they send unknown flows to the same members.
    pub(crate) fn digest(&self, view: &View) -> u64 {
        let resized = self.previous.len() != view.slots().len();
        let before = self.previous.iter().map(|previous| previous.map(|before| before.member));
        let mut state = before.len() as u64;
        let mut mix = |member: Option<Member>| {
            state ^= member.map_or(u64::MAX, |member| u64::from(member.0));
            state = split_mix(&mut state);
        };
        for (slot, member) in before.clone().enumerate() {
            mix(member.or_else(|| view.slots().get(slot).filter(|_| !resized).copied().flatten()));
        }
        if resized && before.clone().any(|member| member.is_none()) {
            view.slots().iter().for_each(|member| mix(*member));
        }
        state
    }

    /// The slots get other members.
    pub(crate) fn learn(&mut self, old: &View, new: &View, now: Moment) {
        if old.size() == new.size() {
            self.change(old, new, now);
        } else {
            self.resize(old, new, now);
        }
        // Nothing is left to keep flows for.
        self.previous.iter_mut().for_each(|previous| *previous = previous.filter(|before| new.keeps(before.member)));
    }

    /// Forgets members before after `timeout` seconds.
    pub(crate) fn expire(&mut self, timeout: u32, now: Moment) {
        let is_over = |before: &Previous| before.since.after(f64::from(timeout)) <= now;
        self.previous.iter_mut().for_each(|previous| *previous = previous.filter(|before| !is_over(before)));
        if self.previous.iter().all(Option::is_none) {
            self.previous = vec![None; self.tracked.len()];
        }
    }

    /// Ends transitions that are over. `strays` says of each slot whether an entry names another member than the slot does. A
    /// member before that has its slot again needs no mention there.
    pub(crate) fn settle(&mut self, view: &View, strays: &[bool]) {
        if self.previous.len() != self.tracked.len() {
            return;
        }
        for (slot, tracked) in self.tracked.iter_mut().enumerate() {
            let is_other = |before: Previous| view.slots()[slot] != Some(before.member);
            *tracked &= strays[slot] || self.previous[slot].is_some_and(is_other);
            self.previous[slot] = self.previous[slot].filter(|_| *tracked);
        }
    }

    /// Slots of which a balancer that starts has to be told, and members before; all of both while a table grows.
    pub(crate) fn held(&self) -> usize {
        let tracked = self.tracked.iter().filter(|tracked| **tracked).count();
        tracked.max(self.previous.iter().flatten().count())
    }

    /// Bytes of the previous members.
    pub(crate) fn bytes(&self) -> usize {
        self.previous.len().max(self.tracked.len()).div_ceil(SLOTS_PER_BLOCK as usize) * size_of::<PreviousBlock>()
    }

    fn change(&mut self, old: &View, new: &View, now: Moment) {
        // While a change of size settles, the table before it tells who had a slot.
        let resized = self.previous.len() != self.tracked.len();
        for (slot, (before, after)) in old.slots().iter().zip(new.slots()).enumerate() {
            // In a slot that is tracked already the oldest stays: flows begun since are remembered one by one.
            if before == after || self.tracked[slot] && (resized || self.previous[slot].is_some()) {
                continue;
            }
            if let Some(member) = before.filter(|member| new.keeps(*member)) {
                self.previous[slot] = Some(Previous { member, since: now });
                self.tracked[slot] = true;
            }
        }
    }

    /// Another size moves nearly every flow: all slots are tracked, and the old table tells who had them.
    fn resize(&mut self, old: &View, new: &View, now: Moment) {
        // While another change of size settles, the oldest table stays.
        if self.previous.len() == self.tracked.len() {
            for (slot, member) in old.slots().iter().enumerate() {
                let own = member.map(|member| Previous { member, since: now });
                self.previous[slot] = self.previous[slot].or(own);
            }
        }
        self.tracked = vec![true; new.slots().len()];
    }
}
