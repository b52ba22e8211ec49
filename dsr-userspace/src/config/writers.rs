//! What file system events say of a file: whether it may have changed, and whether somebody is still writing it.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use notify::{
    Event, EventKind,
    event::{AccessKind, AccessMode, ModifyKind},
};

/// Files that somebody has written to and not closed.
#[derive(Default)]
pub(super) struct Writers {
    pub(super) open: BTreeSet<PathBuf>,
}

impl Writers {
    pub(super) fn follow(&mut self, Event { kind, paths, .. }: &Event) {
        match kind {
            EventKind::Modify(ModifyKind::Data(_)) => self.open.extend(paths.iter().cloned()),
            EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Modify(ModifyKind::Name(_))
            | EventKind::Remove(_) => self.open.retain(|open| !paths.contains(open)),
            _ => {}
        }
    }
}

pub(super) fn lock(writers: &Mutex<Writers>) -> MutexGuard<'_, Writers> {
    // A set of names is whole at any time.
    writers.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reading is no change: without this our own look would be the next event.
pub(super) fn may_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use notify::event::DataChange;

    use super::*;

    #[test]
    fn a_writer_is_one_until_it_closes_the_file() {
        let mut writers = Writers::default();
        let mut event = |kind| {
            writers.follow(&Event::new(kind).add_path("/etc/dsr/dsr.yaml".into()));
            writers.open.len()
        };
        let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        assert_eq!(event(EventKind::Access(AccessKind::Open(AccessMode::Any))), 0);
        assert_eq!((event(written), event(written)), (1, 1));
        assert_eq!(event(EventKind::Access(AccessKind::Close(AccessMode::Write))), 0);
    }

    #[test]
    fn reading_the_file_is_no_event() {
        assert!(!may_change(EventKind::Access(AccessKind::Open(AccessMode::Any))));
        assert!(!may_change(EventKind::Access(AccessKind::Close(AccessMode::Read))));
        assert!(may_change(EventKind::Access(AccessKind::Close(AccessMode::Write))));
        assert!(may_change(EventKind::Other), "events were lost");
    }
}
