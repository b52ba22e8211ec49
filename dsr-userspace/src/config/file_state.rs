//! What is known of the configuration file without looking, so that asking never waits for a file system.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The file as it was last seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileState {
    /// There is none.
    #[default]
    Gone,
    /// It, or one that it includes, cannot be read.
    Unreadable,
    /// It can be read: the hash that a configuration of it has.
    Readable(u64),
}

/// What looks found.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<Found>);

#[derive(Debug, Default)]
struct Found {
    state: FileState,
    /// Whether a look found a change that is not reported yet.
    changed: bool,
    /// Whether a look or a load got no answer, so that the next look reports whatever it finds.
    unanswered: bool,
}

impl Known {
    pub(super) fn state(&self) -> FileState {
        self.lock().state
    }

    /// Notes what is about to be read: no change any more.
    pub(super) fn mark(&self, state: FileState) {
        let mut found = self.lock();
        (found.state, found.changed) = (state, false);
    }

    /// Notes a change.
    pub(super) fn change(&self, state: FileState) {
        let mut found = self.lock();
        (found.state, found.changed) = (state, true);
    }

    /// Notes that there was no answer; this is a change where there was one before.
    pub(super) fn hang(&self) {
        let mut found = self.lock();
        found.changed |= !found.unanswered;
        (found.state, found.unanswered) = (FileState::Unreadable, true);
    }

    /// Notes that there is an answer again, which is a change where there was none before.
    pub(super) fn answer(&self, state: FileState) {
        let mut found = self.lock();
        if std::mem::take(&mut found.unanswered) {
            (found.state, found.changed) = (state, true);
        }
    }

    /// Whether there is a change, which is reported once.
    pub(super) fn take_change(&self) -> bool {
        std::mem::take(&mut self.lock().changed)
    }

    fn lock(&self) -> MutexGuard<'_, Found> {
        // Each update is whole at any time.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
