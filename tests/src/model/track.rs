//! "Tracked slots" of the page: which member a flow had, as far as that is remembered.

use std::collections::BTreeMap;

use dsr_common::{hash::HashKeys, hash::Keys as _, slot};

use super::{Model, select::FlowKey};
use crate::tracked::{Change, MemberState, SlotState};

/// Entries of one set.
const WAYS: usize = 8;
/// Ticks after which the clock of the entries goes round.
const ROUND: u64 = 256;
/// The lowest bit of a hash by which a flow is known within its set.
const TAG: u32 = 28;
/// The lowest bit of a hash that is the client's, where that alone picks the slot.
const CLIENT: u32 = 47;

/// Numbers of a rule and of a backend within it.
type Member = (usize, usize);

/// What is remembered of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    tag: u64,
    seen: u64,
    member: Member,
}

/// A table that remembers flows.
#[derive(Clone, Debug)]
struct Flows(Vec<[Option<Entry>; WAYS]>);

/// What is special about a rule.
#[derive(Clone, Debug, Default)]
struct Special {
    by_source: bool,
    remembers: bool,
    /// The previous member of each tracked slot, by slot.
    tracked: BTreeMap<u32, Option<usize>>,
    /// The members of the slots of the table before, where it had another size or picked slots another way.
    old: Vec<Option<usize>>,
    /// Whether the client alone picked those slots, where flows are known by both hashes.
    old_by_source: Option<bool>,
    members: BTreeMap<usize, MemberState>,
}

/// All that changes while slots are tracked.
#[derive(Clone, Debug)]
pub(super) struct Tracking {
    clock: u64,
    flows: Flows,
    embryonic: Flows,
    rules: Vec<Special>,
    /// What was counted for the present frame.
    pub(super) counted: Vec<&'static str>,
}

impl Tracking {
    /// Nothing tracked, nothing remembered; tables of so many sets.
    pub(super) fn new(rules: usize, established_sets: u32, embryonic_sets: u32) -> Self {
        let table = |sets: u32| Flows(vec![[None; WAYS]; sets as usize]);
        let (flows, embryonic) = (table(established_sets), table(embryonic_sets));
        Self { clock: 0, flows, embryonic, rules: vec![Special::default(); rules], counted: Vec::new() }
    }
}

impl Flows {
    fn set(&mut self, hash: u64) -> &mut [Option<Entry>; WAYS] {
        let sets = self.0.len() as u64;
        &mut self.0[(hash % sets) as usize]
    }

    fn find(&mut self, hash: u64) -> Option<&mut Option<Entry>> {
        self.set(hash).iter_mut().find(|entry| entry.is_some_and(|entry| entry.tag == hash >> TAG))
    }

    /// What is known by another hash is known by this one, where that is not known already.
    fn rehash(&mut self, other: u64, hash: u64) {
        let is_known = self.find(hash).is_some();
        if let Some(entry) = self.find(other) {
            *entry = entry.filter(|_| !is_known).map(|entry| Entry { tag: hash >> TAG, ..entry });
        }
    }

    /// Whether another flow gave way.
    fn insert(&mut self, hash: u64, clock: u64, member: Member) -> bool {
        let new = Entry { tag: hash >> TAG, seen: clock, member };
        if let Some(own) = self.find(hash) {
            *own = Some(new);
            return false;
        }
        let set = self.set(hash);
        let around = (0..WAYS).map(|step| (((hash >> TAG) as usize) + step) % WAYS).collect::<Vec<_>>();
        if let Some(empty) = around.iter().find(|place| set[**place].is_none()) {
            set[*empty] = Some(new);
            return false;
        }
        let age = |place: usize| set[place].map_or(0, |entry| (clock - entry.seen) % ROUND);
        let oldest = around.iter().map(|place| age(*place)).max();
        if let Some(place) = around.iter().find(|place| Some(age(**place)) == oldest) {
            set[*place] = Some(new);
        }
        true
    }
}

impl Model {
    /// Follows a change of the tables.
    pub fn change(&mut self, change: &Change) {
        match change {
            Change::Slot { service, slot, to } => {
                let rule = &mut self.tracking.rules[*service];
                self.tables[*service][*slot as usize] = match to {
                    SlotState::Stable(current) => {
                        rule.tracked.remove(slot);
                        *current
                    }
                    SlotState::Tracked { current, previous } => {
                        rule.tracked.insert(*slot, *previous);
                        *current
                    }
                };
            }
            Change::Replaced { service, old, by_source } => {
                let rule = &mut self.tracking.rules[*service];
                rule.old.clone_from(old);
                rule.old_by_source = by_source.filter(|_| !old.is_empty());
                rule.tracked.values_mut().for_each(|previous| *previous = None);
            }
            Change::Affinity { service, source, remember } => {
                let rule = &mut self.tracking.rules[*service];
                (rule.by_source, rule.remembers) = (*source, *remember);
            }
            Change::Member { service, backend, to } => {
                self.tracking.rules[*service].members.insert(*backend, *to);
            }
            Change::Tick => self.tracking.clock += 1,
            Change::Heartbeat(heartbeat) => self.set_heartbeat(*heartbeat),
        }
    }

    /// Whether there is a way to a backend.
    pub(super) fn lives(&self, (rule, backend): Member) -> bool {
        self.tracking.rules[rule].members.get(&backend) != Some(&MemberState::Lost) && self.hop(rule, backend).is_some()
    }

    /// The rule's backend that a flow's packet goes to, remembered as the page says. Where another rule's flow has its tag and
    /// set, it is that one's.
    pub(super) fn follow(&mut self, rule: usize, flow: &FlowKey, opens: bool) -> Option<Member> {
        let by_source = self.tracking.rules[rule].by_source;
        let (hash, slot) = self.hash_and_slot(flow, by_source, self.tables[rule].len());
        let current = self.tables[rule][slot].map(|backend| (rule, backend));
        let special = &self.tracking.rules[rule];
        let tracked = special.tracked.get(&(slot as u32)).copied();
        if tracked.is_none() && !special.remembers {
            return current;
        }
        let begins = opens || (special.remembers && flow.protocol != 6);
        let old_by_source = special.old_by_source.unwrap_or(by_source);
        let previous = match (tracked, special.old.len()) {
            (None, _) => None,
            (Some(previous), 0) => previous,
            (Some(_), slots) => special.old[self.hash_and_slot(flow, old_by_source, slots).1],
        };
        if special.old_by_source.is_some() {
            let (other, _) = self.hash_and_slot(flow, !by_source, 1);
            self.tracking.flows.rehash(other, hash);
            self.tracking.embryonic.rehash(other, hash);
        }
        let previous = previous.map(|backend| (rule, backend));
        self.remembered(hash, opens).or_else(|| self.unknown(hash, begins, current, previous))
    }

    /// Rows 1 to 3.
    fn remembered(&mut self, hash: u64, opens: bool) -> Option<Member> {
        let clock = self.tracking.clock;
        let known = self.tracking.flows.find(hash).and_then(|entry| *entry).map(|entry| entry.member);
        if let Some(member) = known.filter(|member| self.serves(*member, opens)) {
            self.tracking.flows.insert(hash, clock, member);
            self.tracking.counted.push("hit");
            return Some(member);
        }
        let new = self.tracking.embryonic.find(hash).and_then(|entry| *entry).map(|entry| entry.member);
        let member = new.filter(|member| self.serves(*member, opens))?;
        if opens {
            self.tracking.embryonic.insert(hash, clock, member);
            self.tracking.counted.push("hit");
        } else {
            if let Some(entry) = self.tracking.embryonic.find(hash) {
                *entry = None;
            }
            self.tracking.counted.push("promoted");
            if self.tracking.flows.insert(hash, clock, member) {
                self.tracking.counted.push("evicted");
            }
        }
        Some(member)
    }

    /// Rows 4 to 6.
    fn unknown(
        &mut self,
        hash: u64,
        begins: bool,
        current: Option<Member>,
        previous: Option<Member>,
    ) -> Option<Member> {
        let previous = previous.filter(|member| self.lives(*member));
        let (member, how) = match (begins, previous) {
            (true, _) => (current?, "new"),
            (false, Some(previous)) => (previous, "to_previous"),
            (false, None) => (current?, "to_current"),
        };
        if self.lives(member) {
            if let Some(entry) = self.tracking.flows.find(hash) {
                *entry = None;
            }
            self.tracking.counted.push(how);
            if self.tracking.embryonic.insert(hash, self.tracking.clock, member) {
                self.tracking.counted.push("evicted_new");
            }
        }
        Some(member)
    }

    fn serves(&self, member: Member, opens: bool) -> bool {
        let drains = match self.tracking.rules[member.0].members.get(&member.1) {
            Some(state) => *state == MemberState::Drains,
            None => self.rules[member.0].backends[member.1].weight.get() == 0,
        };
        self.lives(member) && !(opens && drains)
    }

    /// The hash that a flow is known by, and its slot in a table of so many, where the client alone picks it or not.
    fn hash_and_slot(&self, flow: &FlowKey, by_source: bool, slots: usize) -> (u64, usize) {
        let keys = HashKeys::from_seed(self.hash_seed);
        let whole = keys.flow(&flow.words());
        if !by_source {
            return (whole, slot::index(whole, slots as u32) as usize);
        }
        let words = flow.words();
        let client = keys.client(words.family, words.client) >> CLIENT << CLIENT;
        (client + whole % (1 << CLIENT), slot::index(client, slots as u32) as usize)
    }
}
