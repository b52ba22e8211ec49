//! This design in a cluster: balancers tell each other the flows of slots in transition, as they record them.
//!
//! What is told is soft state: a message that is lost costs exactness, never a packet. Nothing is told of stable slots.

use std::collections::BTreeMap;

use super::{
    Balancer, Memory, Message, Packet, Snapshot, Tracking, Work,
    tracked::{State, Tracked},
};
use crate::{
    pool::{Member, View},
    time::Moment,
};

/// A peer of which nothing was heard for so long is not waited for.
const SILENT_SECONDS: f64 = 200.0;
/// SYNs that may be told without one of them becoming a flow, and how many more each that does allows.
const SYN_CREDIT: (u32, u32) = (1000, 2);

/// How messages travel, and what is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sharing {
    /// From a packet to the entry on every peer, in milliseconds.
    pub(crate) delay: u32,
    /// Messages in a hundred that a peer does not get.
    pub(crate) loss: u32,
    pub(crate) without: Option<Without>,
}

/// A part of the protocol that is left out, to see what it is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Without {
    /// Flows are told when they are established, not from their SYN on.
    Syns,
    /// A flow is told once.
    Repetition,
    /// Slots end without asking whether peers send unknown flows elsewhere.
    Digests,
    /// A balancer that starts knows nothing.
    Snapshot,
}

impl Sharing {
    /// Everything arrives at once, and nothing is lost.
    pub(crate) const PROMPT: Self = Self { delay: 10, loss: 0, without: None };
}

/// A balancer among peers.
pub(crate) struct Shared {
    pub(super) own: Tracked,
    sharing: Sharing,
    outbox: Vec<Message>,
    /// The last digest of each peer.
    digests: BTreeMap<usize, (u64, Moment)>,
    /// Whether a peer waits for a digest.
    asked: bool,
    /// Whether all peers that live send unknown flows where this one does.
    agreed: bool,
    syns: u32,
}

impl Shared {
    /// A balancer that has just started.
    pub(crate) fn new(tracking: Tracking, sharing: Sharing, view: &View) -> Self {
        Self {
            own: Tracked::new(tracking, view),
            sharing,
            outbox: Vec::new(),
            digests: BTreeMap::new(),
            asked: false,
            agreed: true,
            syns: SYN_CREDIT.0,
        }
    }

    /// Whether a peer may send a flow elsewhere: it may not know where unknown flows of the slot belong now, or will
    /// send them elsewhere when the transition ends.
    fn concerns_peers(&self, view: &View, hash: u64, member: Member) -> bool {
        !self.agreed || self.own.slots.is_changing(hash) || view.current(hash) != Some(member)
    }

    /// Whether a record is to be told. A flood of SYNs must not become a flood of messages: they are told as long as
    /// enough of them become flows.
    fn affords(&mut self, state: State) -> bool {
        match state {
            State::Established => {
                self.syns = (self.syns + SYN_CREDIT.1).min(SYN_CREDIT.0);
                true
            }
            State::Embryonic if self.sharing.without == Some(Without::Syns) => false,
            State::Embryonic => {
                let affords = self.syns > 0;
                self.syns -= u32::from(affords);
                affords
            }
        }
    }
}

impl Balancer for Shared {
    fn route(&mut self, view: &View, packet: Packet, now: Moment) -> Option<Member> {
        let hash = packet.hash;
        if !self.own.slots.is_tracked(view.slot(hash)) {
            return view.current(hash);
        }
        let placed = self.own.track(view, packet, now)?;
        let member = placed.member;
        let recorded = placed.recorded.filter(|_| self.concerns_peers(view, hash, member));
        if let Some(state) = recorded
            && (placed.is_new || self.sharing.without != Some(Without::Repetition))
            && self.affords(state)
        {
            self.outbox.push(Message::Flow { hash, member, state });
        }
        Some(member)
    }

    fn learn(&mut self, old: &View, new: &View, now: Moment) {
        self.own.learn(old, new, now);
    }

    fn tend(&mut self, view: &View, now: Moment) {
        let strays = self.own.age(view, now);
        let waits = self.own.slots.any_tracked();
        if !std::mem::take(&mut self.asked) && !waits {
            return;
        }
        let digest = self.own.slots.digest(view);
        self.digests.retain(|_, (_, at)| at.after(SILENT_SECONDS) > now);
        self.agreed = self.digests.values().all(|(theirs, _)| *theirs == digest);
        if self.sharing.without == Some(Without::Digests) {
            self.agreed = true;
        } else {
            self.outbox.push(Message::Digest { digest, waits });
        }
        if waits && self.agreed {
            self.own.slots.settle(view, &strays);
        }
    }

    fn restart(&mut self, view: &View) {
        self.own.restart(view);
        self.outbox.clear();
        self.digests.clear();
        (self.asked, self.agreed, self.syns) = (false, true, SYN_CREDIT.0);
    }

    fn outbox(&mut self) -> Option<&mut Vec<Message>> {
        Some(&mut self.outbox)
    }

    fn hear(&mut self, view: &View, peer: usize, message: Message, now: Moment) {
        match message {
            Message::Digest { digest, waits } => {
                self.digests.insert(peer, (digest, now));
                self.asked |= waits;
            }
            Message::Flow { hash, member, state } => {
                let slot = view.slot(hash);
                if !self.own.slots.is_tracked(slot) {
                    if view.current(hash) == Some(member) {
                        return;
                    }
                    self.own.slots.track(slot);
                }
                self.own.record(hash, member, state, now);
            }
            Message::Connection { .. } => {}
        }
    }

    fn snapshot(&self) -> Option<Snapshot> {
        let known = || Snapshot { slots: self.own.slots.clone(), tables: self.own.tables.clone() };
        (self.sharing.without != Some(Without::Snapshot)).then(known)
    }

    fn join(&mut self, snapshot: Snapshot, theirs: &View, own: &View, now: Moment) {
        (self.own.slots, self.own.tables) = (snapshot.slots, snapshot.tables);
        self.own.learn(theirs, own, now);
    }

    fn memory(&self, view: &View) -> Memory {
        self.own.memory(view)
    }

    fn work(&self) -> Work {
        self.own.work()
    }
}
