//! Tells when the content of the configuration file, or of one that it includes, has changed, once it is whole.
//!
//! Directories are watched and not the file: editors write a new file and rename it over the old one, and a Kubernetes
//! config map is a symbolic link to a directory that is swapped. What counts in the end is the content, so that an event
//! too many costs one look and nothing else.

use std::{
    future::pending,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, TryLockError},
    time::Duration,
};

use notify::Event;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::{
    file_state::{FileState, Known},
    looker::{DEBOUNCE, Looker, UNREADABLE_PAUSE},
    read::aside,
    writers::{Writers, lock, may_change},
};

/// How long after an event the file is looked at: editors write in steps.
const QUIET: Duration = Duration::from_millis(100);

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

/// A watched file, with those that it includes.
pub struct Watch {
    event: Arc<Notify>,
    pub(super) looker: Arc<Mutex<Looker>>,
    known: Arc<Known>,
    /// When to look.
    due: Option<Instant>,
}

impl Watch {
    /// Begins to watch. Make it before the file is loaded: changes count from here on. The file need not be there, its
    /// directory must.
    pub fn new(file: &Path) -> Result<Self, WatchError> {
        let file = std::path::absolute(file).map_err(|error| WatchError::Path(file.to_owned(), error))?;
        let (event, writers) = (Arc::new(Notify::new()), Arc::new(Mutex::new(Writers::default())));
        let (notify, open) = (Arc::clone(&event), Arc::clone(&writers));
        let watcher = notify::recommended_watcher(move |result: notify::Result<Event>| {
            if let Ok(event) = &result {
                lock(&open).follow(event);
            }
            if result.map_or(true, |event| may_change(event.kind)) {
                notify.notify_one();
            }
        });
        let watcher = watcher.map_err(|error| WatchError::Directory(file.clone(), error))?;
        let known = Arc::new(Known::default());
        let mut looker = Looker::new(file, writers, watcher, Arc::clone(&known));
        looker.follow().map_err(|error| WatchError::Directory(looker.file.clone(), error))?;
        looker.mark();
        Ok(Self { event, looker: Arc::new(Mutex::new(looker)), known, due: None })
    }

    /// As [`Watch::new`], off the calling task: a file system that does not answer is an error after a bounded time.
    pub async fn start(file: &Path) -> Result<Self, WatchError> {
        let path = file.to_owned();
        let watch = aside(move || Self::new(&path)).await;
        watch.unwrap_or_else(|error| Err(WatchError::Path(file.to_owned(), error)))
    }

    /// Marks what is read for another reason.
    pub fn marker(&self) -> Marker {
        Marker { looker: Arc::clone(&self.looker), known: Arc::clone(&self.known), event: Arc::clone(&self.event) }
    }

    /// As [`Marker::state`].
    pub fn state(&self) -> FileState {
        self.known.state()
    }

    /// Resolves when the content of the file, or that of a file that it includes, is another than at the last time, and
    /// it is not being written any more. That it is gone, or cannot be read, is another content too. Nothing is lost when the
    /// future is dropped.
    pub async fn changed(&mut self) {
        let event = Arc::clone(&self.event);
        while !self.known.take_change() {
            let due = self.due;
            let wait = async { if let Some(due) = due { sleep_until(due).await } else { pending().await } };
            tokio::select! {
                () = event.notified() => {
                    self.due.get_or_insert_with(|| Instant::now() + QUIET);
                }
                // Until a look has ended it stays due: a drop does not lose it.
                () = wait => self.look().await,
            }
        }
    }

    async fn look(&mut self) {
        let looker = Arc::clone(&self.looker);
        // A look that hangs has the lock: a second one would hang behind it.
        match aside(move || free(&looker).map(|mut looker| looker.look(Instant::now()))).await {
            Ok(Some(due)) => self.due = due,
            Ok(None) => self.due = Some(Instant::now() + DEBOUNCE),
            Err(error) => {
                self.known.hang();
                self.due = Some(Instant::now() + UNREADABLE_PAUSE);
                tracing::warn!(%error, "cannot check the configuration for changes");
            }
        }
    }
}

/// Tells a watch what is known already.
#[derive(Clone)]
pub struct Marker {
    looker: Arc<Mutex<Looker>>,
    known: Arc<Known>,
    event: Arc<Notify>,
}

impl Marker {
    /// The file as it was last seen.
    pub fn state(&self) -> FileState {
        self.known.state()
    }

    /// Takes what is there now for known: it is about to be read.
    pub async fn mark(&self) {
        let looker = Arc::clone(&self.looker);
        let marked = aside(move || free(&looker).map(|mut looker| looker.mark())).await;
        if let Err(error) = marked {
            self.known.hang();
            tracing::warn!(%error, "cannot check the configuration for changes");
        }
    }

    /// After it was read: where it is another by now, what was read may be either, and the next look tells.
    pub async fn confirm(&self) {
        let looker = Arc::clone(&self.looker);
        match aside(move || free(&looker).map(|mut looker| looker.confirm())).await {
            Ok(Some(true)) => return,
            // A look under way finds what there is by itself, if it ends.
            Ok(Some(false) | None) => {}
            Err(_) => self.known.hang(),
        }
        self.event.notify_one();
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
