//! The MAC that a neighbour had before the kernel lost it, until the neighbour is known to be gone. Pure.
//!
//! The kernel gives an entry up after a few unanswered *unicast* questions (`ucast_solicit`), which a changed MAC or a
//! filter in the way explains as well as a dead host does. Its next round of questions goes to everybody on the link
//! (broadcast, or the solicited-node group); the MAC counts until that round has gone unanswered too.

use std::collections::BTreeMap;

use super::facts::NeighbourKey;
use crate::model::Mac;

/// The MACs of neighbours whose entry has none at the moment.
#[derive(Debug, Default)]
pub(super) struct LastKnown {
    neighbours: BTreeMap<NeighbourKey, Neighbour>,
}

#[derive(Clone, Copy, Debug)]
struct Neighbour {
    mac: Mac,
    /// Whether the kernel was made to ask everybody on the link since the MAC was lost.
    is_solicited: bool,
}

impl LastKnown {
    /// The MAC that counts for a neighbour without one.
    pub(super) fn mac(&self, key: NeighbourKey) -> Option<Mac> {
        self.neighbours.get(&key).map(|neighbour| neighbour.mac)
    }

    /// The neighbour's entry lost this MAC.
    pub(super) fn lost(&mut self, key: NeighbourKey, mac: Mac) {
        self.neighbours.insert(key, Neighbour { mac, is_solicited: false });
    }

    /// The kernel asks everybody on the link from here on, until it has an answer or gives up.
    pub(super) fn solicited(&mut self, key: NeighbourKey) {
        if let Some(neighbour) = self.neighbours.get_mut(&key) {
            neighbour.is_solicited = true;
        }
    }

    /// The kernel gave up. This may be a round of questions that began before the MAC was lost.
    pub(super) fn unanswered(&mut self, key: NeighbourKey) {
        if self.neighbours.get(&key).is_some_and(|neighbour| neighbour.is_solicited) {
            self.neighbours.remove(&key);
        }
    }

    /// The neighbour's entry has a MAC again.
    pub(super) fn found(&mut self, key: NeighbourKey) {
        self.neighbours.remove(&key);
    }

    /// Forgets all neighbours but these.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(NeighbourKey) -> bool) {
        self.neighbours.retain(|&key, _| keep(key));
    }
}
