//! The changes of a plan by the moment they are made.

use super::change::Change;

/// Changes by the moment they are made.
#[derive(Default)]
pub(super) struct Phases {
    /// Services turned over to copies of their members.
    pub(super) moves: Vec<Change>,
    /// Members that gain a way.
    pub(super) members: Vec<Change>,
    /// What slots were before, and old tables.
    pub(super) previous: Vec<Change>,
    /// Slots.
    pub(super) slots: Vec<Change>,
    /// Services and VIPs.
    pub(super) services: Vec<Change>,
    /// Services and VIPs that are removed.
    pub(super) vacated: Vec<Change>,
    /// What nothing names any more.
    pub(super) unused: Vec<Change>,
}

impl Phases {
    /// All of them, in the order in which they are made.
    pub(super) fn in_order(self) -> Vec<Change> {
        let phases = [self.moves, self.members, self.previous, self.slots, self.services, self.vacated, self.unused];
        phases.into_iter().flatten().collect()
    }
}
