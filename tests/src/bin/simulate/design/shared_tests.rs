//! The rules of the shared memory, one by one.

use super::{
    Balancer, Message, Packet, Segment, Sharing, Tracking,
    shared::Shared,
    tracked::State::{Embryonic, Established},
};
use crate::{
    pool::{Declared, Standing, View},
    time::Moment,
};

const CHANGE: f64 = 10.0;
/// After `flow_timeout`.
const LATE: f64 = 1000.0;

/// The pool before and after a member got another weight, and a flow that began before in a slot that moved.
struct Change {
    old: View,
    new: View,
    hash: u64,
}

impl Change {
    fn new() -> Self {
        let mut pool = [Declared { standing: Standing::Active, weight: 100 }; 3];
        let old = View::build(&pool, 1);
        pool[2].weight = 200;
        let new = View::build(&pool, 1);
        let moved = |hash: &u64| old.current(*hash) != new.current(*hash);
        let hash = (1..1000).map(|number: u64| number << 54).find(moved).unwrap();
        Self { old, new, hash }
    }

    /// Other flows of the same slot: these bits are not the slot's, but are the tag's.
    fn flow(&self, number: u64) -> u64 {
        self.hash | number << 28 | number
    }

    fn before(&self) -> Shared {
        Shared::new(Tracking::with_bytes(64 << 10), Sharing::PROMPT, &self.old)
    }

    fn after(&self) -> Shared {
        let mut balancer = self.before();
        balancer.learn(&self.old, &self.new, Moment::at(CHANGE));
        balancer
    }

    fn opens(&self, balancer: &mut Shared, number: u64, at: f64) {
        let packet = Packet { hash: self.flow(number), segment: Segment::Opens };
        assert_eq!(balancer.route(&self.new, packet, Moment::at(at)), self.new.current(self.hash));
    }

    fn follows(&self, balancer: &mut Shared, view: &View, number: u64, at: f64) -> Owner {
        let packet = Packet { hash: self.flow(number), segment: Segment::Follows };
        match balancer.route(view, packet, Moment::at(at)) {
            member if member == self.old.current(self.hash) => Owner::Old,
            member if member == self.new.current(self.hash) => Owner::New,
            other => panic!("{other:?} never had the slot"),
        }
    }

    /// The round of an agent.
    fn tend(&self, balancer: &mut Shared, at: f64) {
        balancer.tend(&self.new, Moment::at(at));
    }

    fn is_tracked(&self, balancer: &Shared) -> bool {
        balancer.own.slots.is_tracked(self.new.slot(self.hash))
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Owner {
    Old,
    New,
}

fn told(balancer: &mut Shared) -> Vec<Message> {
    std::mem::take(balancer.outbox().unwrap())
}

fn states(messages: &[Message]) -> Vec<super::tracked::State> {
    let state = |message: &Message| if let Message::Flow { state, .. } = message { Some(*state) } else { None };
    messages.iter().filter_map(state).collect()
}

/// All that one has to say reaches the other.
fn tell(view: &View, from: &mut Shared, to: &mut Shared, at: f64) -> usize {
    let messages = told(from);
    for message in &messages {
        to.hear(view, 1, *message, Moment::at(at));
    }
    messages.len()
}

#[test]
fn a_flow_that_began_since_the_change_is_known_to_a_peer_from_its_syn_on() {
    let change = Change::new();
    let (mut one, mut other) = (change.after(), change.after());
    change.opens(&mut one, 1, 20.0);
    assert_eq!(tell(&change.new, &mut one, &mut other, 20.0), 1);
    assert_eq!(change.follows(&mut other, &change.new, 1, 20.0), Owner::New);
    assert_eq!(change.follows(&mut other, &change.new, 2, 20.0), Owner::Old, "it is not known: it began before");
}

#[test]
fn nothing_is_told_of_stable_slots() {
    let change = Change::new();
    let mut balancer = change.before();
    for number in 1..50 {
        change.follows(&mut balancer, &change.old, number, 20.0);
    }
    balancer.tend(&change.old, Moment::at(32.0));
    assert_eq!(told(&mut balancer), []);
}

#[test]
fn a_peer_that_is_late_to_learn_of_the_change_looks_up_what_it_was_told() {
    let change = Change::new();
    let (mut early, mut late) = (change.after(), change.before());
    change.opens(&mut early, 1, 11.0);
    tell(&change.old, &mut early, &mut late, 11.0);
    assert_eq!(change.follows(&mut late, &change.old, 1, 11.0), Owner::New);
    assert_eq!(change.follows(&mut late, &change.old, 2, 11.0), Owner::Old);
    late.learn(&change.old, &change.new, Moment::at(12.0));
    assert_eq!(change.follows(&mut late, &change.new, 1, 12.0), Owner::New);
    assert_eq!(change.follows(&mut late, &change.new, 3, 12.0), Owner::Old, "the slot has a member before");
}

#[test]
fn flows_of_the_member_before_are_told_until_it_is_forgotten() {
    let change = Change::new();
    let (mut one, mut other) = (change.after(), change.after());
    assert_eq!(change.follows(&mut one, &change.new, 1, 800.0), Owner::Old);
    tell(&change.new, &mut one, &mut other, 800.0);
    change.tend(&mut other, LATE);
    assert_eq!(change.follows(&mut other, &change.new, 1, LATE), Owner::Old);
    assert_eq!(change.follows(&mut other, &change.new, 2, LATE), Owner::New, "none that old is left");
}

#[test]
fn a_balancer_that_starts_knows_the_members_before_and_the_flows_since() {
    let change = Change::new();
    let mut peer = change.after();
    change.opens(&mut peer, 1, 20.0);
    let snapshot = peer.snapshot().unwrap();
    let moved = (0..change.old.slots().len()).filter(|slot| change.old.slots()[*slot] != change.new.slots()[*slot]);
    assert_eq!(snapshot.bytes(), 8 * moved.count() + 16, "8 bytes a slot, 16 a flow");
    let mut joiner = change.before();
    joiner.restart(&change.new);
    joiner.join(snapshot, &change.new, &change.new, Moment::at(30.0));
    assert_eq!(change.follows(&mut joiner, &change.new, 1, 30.0), Owner::New);
    assert_eq!(change.follows(&mut joiner, &change.new, 2, 30.0), Owner::Old);
}

#[test]
fn a_balancer_that_starts_may_know_a_newer_table_than_its_peer() {
    let change = Change::new();
    let mut joiner = change.before();
    joiner.restart(&change.new);
    joiner.join(change.before().snapshot().unwrap(), &change.old, &change.new, Moment::at(11.0));
    assert_eq!(change.follows(&mut joiner, &change.new, 1, 11.0), Owner::Old);
}

#[test]
fn a_slot_ends_when_it_has_ended_on_every_peer() {
    let change = Change::new();
    let (mut one, mut other) = (change.after(), change.before());
    other.learn(&change.old, &change.new, Moment::at(CHANGE + 60.0));
    // The other's transition is not over: it sends unknown flows to the member before, and has said so.
    for at in [904.0, 920.0] {
        change.tend(&mut other, at);
        tell(&change.new, &mut other, &mut one, at);
        change.tend(&mut one, at);
    }
    assert!(change.is_tracked(&one));
    told(&mut one);
    change.opens(&mut one, 1, 940.0);
    tell(&change.new, &mut one, &mut other, 940.0);
    assert_eq!(change.follows(&mut other, &change.new, 1, 940.0), Owner::New);
    told(&mut other);
    change.tend(&mut other, LATE);
    tell(&change.new, &mut other, &mut one, LATE);
    change.tend(&mut one, LATE + 16.0);
    assert!(!change.is_tracked(&one));
}

#[test]
fn a_peer_that_is_silent_is_not_waited_for() {
    let change = Change::new();
    let mut one = change.after();
    one.hear(&change.new, 1, Message::Digest { digest: 7, waits: false }, Moment::at(950.0));
    change.tend(&mut one, 960.0);
    assert!(change.is_tracked(&one));
    change.tend(&mut one, 1160.0);
    assert!(!change.is_tracked(&one));
}

/// A message that was lost is made up for, and a flow that is spoken of is not forgotten.
#[test]
fn a_flow_that_lives_is_told_again_in_each_epoch() {
    let change = Change::new();
    let mut one = change.after();
    let mut told_at = |at: f64| {
        change.follows(&mut one, &change.new, 1, at);
        states(&told(&mut one)).len()
    };
    // 32 ticks of 8 seconds.
    for (at, count) in [(20.0, 1), (30.0, 0), (250.0, 0), (260.0, 1), (500.0, 0), (520.0, 1)] {
        assert_eq!(told_at(at), count, "after {at} s");
    }
}

#[test]
fn a_flood_of_syns_is_not_told() {
    let change = Change::new();
    let mut one = change.after();
    for number in 1..=3000 {
        change.opens(&mut one, number, 20.0);
    }
    assert_eq!(told(&mut one).len(), 1000);
    // A flow pays for two SYNs, and is told in any case.
    change.follows(&mut one, &change.new, 3000, 20.1);
    (4001..=4003).for_each(|number| change.opens(&mut one, number, 20.2));
    assert_eq!(states(&told(&mut one)), [Established, Embryonic, Embryonic]);
}

#[test]
fn balancers_in_peace_answer_who_waits_and_then_fall_silent() {
    let change = Change::new();
    let (mut one, mut other) = (change.before(), change.before());
    one.hear(&change.new, 2, Message::Digest { digest: 7, waits: true }, Moment::at(20.0));
    change.tend(&mut one, 32.0);
    assert_eq!(tell(&change.new, &mut one, &mut other, 32.0), 1, "the answer");
    for balancer in [&mut one, &mut other] {
        change.tend(balancer, 48.0);
        assert_eq!(told(balancer), [], "nobody waits any more");
    }
}
