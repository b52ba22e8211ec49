//! Tells when the content of the configuration file has changed.
//!
//! Directories are watched and not the file: editors write a new file and rename it over the old one, and a Kubernetes
//! config map is a symbolic link to a directory that is swapped. What counts in the end is the content, so that an event
//! too many costs one look and nothing else.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, TryLockError},
    time::Duration,
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

use super::read::{aside, read};

/// How long a directory has to be quiet before the file is looked at: editors write in steps.
const QUIET: Duration = Duration::from_millis(100);

/// The longest that a busy directory can put off a look.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why a file cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The working directory that a relative path begins at is gone.
    #[error("cannot watch {0}: {1}")]
    Path(PathBuf, io::Error),
    /// The kernel refuses to watch the directory, or has no such.
    #[error("cannot watch the directory of {0}: {1}")]
    Directory(PathBuf, notify::Error),
}

/// A watched file.
pub struct Watch {
    event: Arc<Notify>,
    looker: Arc<Mutex<Looker>>,
}

/// Looks at the file, which may block where its file system does.
struct Looker {
    file: PathBuf,
    seen: Option<Vec<u8>>,
    watcher: RecommendedWatcher,
    directories: BTreeSet<PathBuf>,
    /// Whether a look found something that nobody was told of yet.
    changed: bool,
}

impl Watch {
    /// Begins to watch. Make it before the file is loaded: changes count from here on. The file need not be there, its
    /// directory must.
    pub fn new(file: &Path) -> Result<Self, WatchError> {
        let file = std::path::absolute(file).map_err(|error| WatchError::Path(file.to_owned(), error))?;
        let event = Arc::new(Notify::new());
        let notify = Arc::clone(&event);
        let watcher = notify::recommended_watcher(move |result: notify::Result<Event>| {
            if result.map_or(true, |event| may_change(event.kind)) {
                notify.notify_one();
            }
        });
        let watcher = watcher.map_err(|error| WatchError::Directory(file.clone(), error))?;
        let mut looker = Looker { file, seen: None, watcher, directories: BTreeSet::new(), changed: false };
        looker.follow().map_err(|error| WatchError::Directory(looker.file.clone(), error))?;
        looker.seen = read(&looker.file).ok();
        Ok(Self { event, looker: Arc::new(Mutex::new(looker)) })
    }

    /// As [`Watch::new`], off the calling task: a file system that does not answer is an error after a bounded time.
    pub async fn start(file: &Path) -> Result<Self, WatchError> {
        let path = file.to_owned();
        let watch = aside(move || Self::new(&path)).await;
        watch.unwrap_or_else(|error| Err(WatchError::Path(file.to_owned(), error)))
    }

    /// Resolves when the file is there and its content is another than at the last time, or than at the beginning.
    /// A file that is missing or cannot be read is waited for. Nothing is lost when the future is dropped.
    pub async fn changed(&mut self) {
        while !self.is_changed() {
            self.event.notified().await;
            // From here on a drop must not lose the event.
            let mut again = Again { event: &self.event, armed: true };
            let deadline = Instant::now() + PATIENCE;
            while Instant::now() < deadline && timeout(QUIET, self.event.notified()).await.is_ok() {}
            let looker = Arc::clone(&self.looker);
            // A look that hangs has the lock: a second one would hang behind it.
            let result = aside(move || free(&looker).is_some_and(|mut looker| looker.look())).await;
            again.armed = false;
            drop(again);
            if let Err(error) = result {
                tracing::warn!(%error, "the configuration cannot be looked at");
            }
        }
    }

    /// Whether a look found a change, which is told once.
    fn is_changed(&self) -> bool {
        free(&self.looker).is_some_and(|mut looker| std::mem::take(&mut looker.changed))
    }
}

/// The lock, if no look is under way.
fn free(looker: &Mutex<Looker>) -> Option<MutexGuard<'_, Looker>> {
    match looker.try_lock() {
        Ok(looker) => Some(looker),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

impl Looker {
    fn look(&mut self) -> bool {
        if let Err(error) = self.follow() {
            tracing::warn!(file = %self.file.display(), %error, "cannot watch the configuration's directory");
        }
        let Ok(content) = read(&self.file) else { return false };
        let changed = self.seen.as_ref() != Some(&content);
        self.seen = Some(content);
        self.changed |= changed;
        changed
    }

    /// Watches the directory of the file, and that of what it links to, which may be another one than before.
    fn follow(&mut self) -> notify::Result<()> {
        let mut wanted = BTreeSet::new();
        wanted.extend(self.file.parent().map(Path::to_owned));
        wanted.extend(self.file.canonicalize().ok().and_then(|file| Some(file.parent()?.to_owned())));
        for gone in self.directories.difference(&wanted) {
            // A directory that was removed is no longer watched anyway.
            let _ = self.watcher.unwatch(gone);
        }
        self.directories.retain(|directory| wanted.contains(directory));
        for directory in wanted {
            if !self.directories.contains(&directory) {
                self.watcher.watch(&directory, RecursiveMode::NonRecursive)?;
                self.directories.insert(directory);
            }
        }
        Ok(())
    }
}

/// Puts an event back when the wait for quiet is given up.
struct Again<'a> {
    event: &'a Notify,
    armed: bool,
}

impl Drop for Again<'_> {
    fn drop(&mut self) {
        if self.armed {
            self.event.notify_one();
        }
    }
}

/// Reading is no change: without this our own look would be the next event.
fn may_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_another_content_is_a_change() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("dsr.yaml");
        fs::write(&file, "one").unwrap();
        let watch = Watch::new(&file).unwrap();
        let mut watch = watch.looker.lock().unwrap();
        fs::write(&file, "one").unwrap();
        assert!(!watch.look());
        fs::remove_file(&file).unwrap();
        assert!(!watch.look());
        fs::write(&file, "one").unwrap();
        assert!(!watch.look());
        fs::write(&file, "two").unwrap();
        assert!(watch.look());
        assert!(!watch.look());
    }

    #[test]
    fn reading_the_file_is_no_event() {
        assert!(!may_change(EventKind::Access(AccessKind::Open(AccessMode::Any))));
        assert!(!may_change(EventKind::Access(AccessKind::Close(AccessMode::Read))));
        assert!(may_change(EventKind::Access(AccessKind::Close(AccessMode::Write))));
        assert!(may_change(EventKind::Other), "events were lost");
    }
}
