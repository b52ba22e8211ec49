//! This design: a stable slot is all that decides; in a tracked slot flows are remembered, and those that are not
//! known go to the member before.

use super::{Balancer, Memory, Packet, Segment, Tracking, Work, sets::FlowTable, slot_bytes, slots::Slots};
use crate::{
    pool::{Member, View},
    time::Moment,
};

/// Seconds of a tick of the flow clock.
const TICK_SECONDS: f64 = 8.0;
/// The embryonic table gets this part of the bytes for flows.
const EMBRYONIC_PART: usize = 8;
/// An epoch is the longest power of two of ticks that fits so often into `flow_timeout`.
const EPOCHS: u64 = 3;

/// A balancer as the product is one.
pub(crate) struct Tracked {
    tracking: Tracking,
    pub(super) slots: Slots,
    pub(super) tables: Tables,
    work: Work,
}

/// What is remembered of flows.
#[derive(Clone)]
pub(crate) struct Tables {
    established: FlowTable,
    embryonic: FlowTable,
}

/// One of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Embryonic,
    Established,
}

/// Where a packet of a tracked slot goes.
pub(super) struct Placed {
    pub(super) member: Member,
    /// The table that has got an entry, or has one whose flow is seen for the first time in an epoch.
    pub(super) recorded: Option<State>,
    pub(super) is_new: bool,
}

impl Tables {
    /// Entries that are not empty.
    pub(super) fn held(&self) -> usize {
        self.established.held() + self.embryonic.held()
    }
}

impl Tracked {
    /// A balancer that has just started.
    pub(crate) fn new(tracking: Tracking, view: &View) -> Self {
        let tables = Tables {
            established: FlowTable::new(tracking.bytes),
            embryonic: FlowTable::new(tracking.bytes / EMBRYONIC_PART),
        };
        Self { tracking, slots: Slots::new(view), tables, work: Work::default() }
    }

    /// Where a packet of a tracked slot goes; see `docs/datapath.md`.
    pub(super) fn track(&mut self, view: &View, packet: Packet, now: Moment) -> Option<Placed> {
        let (hash, opens, clock) = (packet.hash, packet.segment == Segment::Opens, clock(now));
        if let Some(found) = self.tables.established.find(hash, &mut self.work) {
            let member = found.member();
            if view.serves(member) && !(opens && view.drains(member)) {
                let age = found.refresh(clock, &mut self.work);
                let recorded = (age > clock % self.epoch()).then_some(State::Established);
                return Some(Placed { member, recorded, is_new: false });
            }
            if opens {
                found.clear();
            }
        }
        let (member, state) = if opens {
            (view.current(hash)?, State::Embryonic)
        } else {
            (self.promote(view, hash).or_else(|| self.unknown(view, hash))?, State::Established)
        };
        self.record(hash, member, state, now);
        Some(Placed { member, recorded: Some(state), is_new: true })
    }

    /// Writes a flow's entry.
    pub(super) fn record(&mut self, hash: u64, member: Member, state: State, now: Moment) {
        let table = match state {
            State::Embryonic => &mut self.tables.embryonic,
            State::Established => &mut self.tables.established,
        };
        table.insert(hash, clock(now), member, &mut self.work);
    }

    /// Clears the entries of flows that were silent for `flow_timeout`, and forgets the members before of that age. By
    /// slot, whether an entry that is left names another member than the slot does.
    pub(super) fn age(&mut self, view: &View, now: Moment) -> Vec<bool> {
        let (clock, timeout) = (clock(now), self.timeout_ticks());
        let mut strays = vec![false; view.slots().len()];
        for table in [&mut self.tables.established, &mut self.tables.embryonic] {
            table.retain(|entry| {
                let slot = view.slot(entry.hash());
                let stray = view.slots()[slot].is_none_or(|member| u32::from(member.0) != entry.row());
                let keep = entry.age(clock) <= timeout;
                strays[slot] |= stray && keep;
                keep
            });
        }
        if self.slots.any_tracked() {
            self.slots.expire(self.tracking.timeout, now);
        }
        strays
    }

    /// The member of a flow of which only the SYN was seen so far.
    fn promote(&mut self, view: &View, hash: u64) -> Option<Member> {
        let found = self.tables.embryonic.find(hash, &mut self.work)?;
        let member = found.member();
        view.serves(member).then(|| {
            found.clear();
            member
        })
    }

    /// The member of a flow that is not known: it began before the change.
    fn unknown(&self, view: &View, hash: u64) -> Option<Member> {
        self.slots.previous(hash).filter(|previous| view.serves(*previous)).or_else(|| view.current(hash))
    }

    fn timeout_ticks(&self) -> u64 {
        (f64::from(self.tracking.timeout) / TICK_SECONDS) as u64
    }

    /// Ticks in which a peer need not hear of a flow twice.
    fn epoch(&self) -> u64 {
        1 << (self.timeout_ticks() / EPOCHS).max(1).ilog2()
    }
}

impl Balancer for Tracked {
    fn route(&mut self, view: &View, packet: Packet, now: Moment) -> Option<Member> {
        if self.slots.is_tracked(view.slot(packet.hash)) {
            self.track(view, packet, now).map(|placed| placed.member)
        } else {
            view.current(packet.hash)
        }
    }

    fn learn(&mut self, old: &View, new: &View, now: Moment) {
        self.slots.learn(old, new, now);
    }

    fn tend(&mut self, view: &View, now: Moment) {
        let strays = self.age(view, now);
        if self.slots.any_tracked() {
            self.slots.settle(view, &strays);
        }
    }

    fn restart(&mut self, view: &View) {
        let work = self.work;
        *self = Self { work, ..Self::new(self.tracking, view) };
    }

    fn memory(&self, view: &View) -> Memory {
        let slots = slot_bytes(view);
        let previous = self.slots.bytes();
        let tracking = if self.slots.any_tracked() { previous } else { 0 };
        let Tables { established, embryonic } = &self.tables;
        Memory {
            used: slots + tracking + established.used_bytes() + embryonic.used_bytes(),
            reserved: slots + previous + established.reserved_bytes() + embryonic.reserved_bytes(),
        }
    }

    fn work(&self) -> Work {
        self.work
    }
}

/// What the flow clock shows.
fn clock(now: Moment) -> u64 {
    (now.seconds() / TICK_SECONDS) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::{Declared, Standing};

    const TRACKING: Tracking = Tracking::with_bytes(64 << 10);

    /// The pool before and after a third member joined, and a flow whose slot the new member got.
    fn change() -> (View, View, u64) {
        let pool = [Declared { standing: Standing::Active, weight: 100 }; 3];
        let (old, new) = (View::build(&pool[..2], 1), View::build(&pool, 1));
        let moved = |hash: &u64| old.current(*hash) != new.current(*hash);
        let hash = (1..1000).map(|number: u64| number << 54).find(moved).unwrap();
        (old, new, hash)
    }

    fn packet(hash: u64, segment: Segment) -> Packet {
        Packet { hash, segment }
    }

    #[test]
    fn a_tracked_slot_keeps_old_flows_and_gives_new_ones_to_the_new_member() {
        let (old, new, hash) = change();
        let mut balancer = Tracked::new(TRACKING, &old);
        balancer.learn(&old, &new, Moment::at(10.0));
        let now = Moment::at(20.0);
        assert_eq!(balancer.route(&new, packet(hash, Segment::Follows), now), old.current(hash));
        // Another flow of the same slot: these bits are not the slot's.
        let begun_since = hash | 1 << 30;
        for segment in [Segment::Opens, Segment::Follows, Segment::Follows] {
            assert_eq!(balancer.route(&new, packet(begun_since, segment), now), new.current(hash), "{segment:?}");
        }
    }

    #[test]
    fn slots_settle_when_no_entry_needs_them() {
        let (old, new, hash) = change();
        let mut balancer = Tracked::new(TRACKING, &old);
        balancer.learn(&old, &new, Moment::at(10.0));
        balancer.route(&new, packet(hash, Segment::Follows), Moment::at(800.0));
        for (seconds, tracked) in [(816.0, true), (912.0, true), (1600.0, true), (1800.0, false)] {
            balancer.tend(&new, Moment::at(seconds));
            assert_eq!(balancer.slots.any_tracked(), tracked, "after {seconds} s");
        }
        assert_eq!(balancer.memory(&new).used, slot_bytes(&new));
        assert_eq!(balancer.route(&new, packet(hash, Segment::Follows), Moment::at(1800.0)), new.current(hash));
    }

    #[test]
    fn a_tracked_slot_that_has_no_member_before_gets_one_with_its_next_change() {
        let mut pool = [Declared { standing: Standing::Active, weight: 100 }; 3];
        let views = [100, 200, 50].map(|weight| {
            pool[2].weight = weight;
            View::build(&pool, 1)
        });
        let moves = |hash: &u64| (0..2).all(|index| views[index].current(*hash) != views[index + 1].current(*hash));
        let hash = (1..1000).map(|number: u64| number << 54).find(moves).unwrap();
        let mut balancer = Tracked::new(TRACKING, &views[0]);
        balancer.learn(&views[0], &views[1], Moment::at(10.0));
        // This flow keeps the slot tracked after its member before is forgotten.
        balancer.route(&views[1], packet(hash, Segment::Follows), Moment::at(800.0));
        balancer.tend(&views[1], Moment::at(1000.0));
        balancer.learn(&views[1], &views[2], Moment::at(1010.0));
        let begun_before = packet(hash | 1 << 30, Segment::Follows);
        assert_eq!(balancer.route(&views[2], begun_before, Moment::at(1020.0)), views[1].current(hash));
    }

    #[test]
    fn a_dead_member_leaves_nothing_to_track() {
        let (old, new, _) = change();
        let mut balancer = Tracked::new(TRACKING, &new);
        // The third member is gone again, and at once.
        balancer.learn(&new, &old, Moment::at(10.0));
        let theirs = (0..new.slots().len()).filter(|slot| new.slots()[*slot] == Some(Member(2)));
        assert!(theirs.into_iter().all(|slot| !balancer.slots.is_tracked(slot)));
    }
}
