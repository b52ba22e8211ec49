//! Tells when the content of the configuration file, or of one that it includes, has changed, once it is whole.
//!
//! Directories are watched and not the file: editors write a new file and rename it over the old one, and a Kubernetes
//! config map is a symbolic link to a directory that is swapped. What counts in the end is the content, so that an event
//! too many costs one look and nothing else.

use std::{
    collections::BTreeSet,
    future::pending,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, TryLockError},
    time::Duration,
};

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::{
    include,
    parse::hash_of,
    read::{aside, read},
    source::Source,
    writers::{Writers, lock, may_change},
};

/// How long after an event the file is looked at: editors write in steps.
const QUIET: Duration = Duration::from_millis(100);

/// How long a new content has to stay the same: it may come in steps, and a part of a file can be a good one.
const SETTLED: Duration = Duration::from_millis(500);

/// How long one that stays the same is left because somebody has the file open for writing.
const PATIENCE: Duration = Duration::from_secs(60);

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
    looker: Arc<Mutex<Looker>>,
    /// When to look.
    due: Option<Instant>,
}

/// Looks at the files, which may block where their file system does.
struct Looker {
    file: PathBuf,
    /// What was there at the last time, or at the beginning.
    seen: Option<Content>,
    /// Another content, which may not be whole yet, and since when it is there.
    fresh: Option<(Content, Instant)>,
    writers: Arc<Mutex<Writers>>,
    watcher: RecommendedWatcher,
    directories: BTreeSet<PathBuf>,
    /// What the file includes, and the content that says so.
    patterns: (Vec<u8>, Vec<String>),
    /// Whether a look found something that nobody was told of yet.
    changed: bool,
}

/// The bytes of a file and of those that it includes, or why these cannot be had.
#[derive(Debug, PartialEq, Eq)]
struct Content {
    file: Vec<u8>,
    included: Vec<Result<Vec<Source>, String>>,
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
        let (seen, fresh, directories, patterns) = (None, None, BTreeSet::new(), (Vec::new(), Vec::new()));
        let mut looker = Looker { file, seen, fresh, writers, watcher, directories, patterns, changed: false };
        looker.follow().map_err(|error| WatchError::Directory(looker.file.clone(), error))?;
        looker.mark();
        Ok(Self { event, looker: Arc::new(Mutex::new(looker)), due: None })
    }

    /// As [`Watch::new`], off the calling task: a file system that does not answer is an error after a bounded time.
    pub async fn start(file: &Path) -> Result<Self, WatchError> {
        let path = file.to_owned();
        let watch = aside(move || Self::new(&path)).await;
        watch.unwrap_or_else(|error| Err(WatchError::Path(file.to_owned(), error)))
    }

    /// Marks what is read for another reason.
    pub fn marker(&self) -> Marker {
        Marker { looker: Arc::clone(&self.looker) }
    }

    /// As [`Marker::hash`].
    pub fn hash(&self) -> Option<u64> {
        self.marker().hash()
    }

    /// Resolves when the file is there and its content, or that of a file that it includes, is another than at the last
    /// time, and nobody writes it any more. A file that is missing or cannot be read is waited for. Nothing is lost when
    /// the future is dropped.
    pub async fn changed(&mut self) {
        let event = Arc::clone(&self.event);
        while !self.is_changed() {
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
            Ok(None) => self.due = Some(Instant::now() + SETTLED),
            Err(error) => {
                self.due = None;
                tracing::warn!(%error, "cannot check the configuration for changes");
            }
        }
    }

    /// Whether a look found a change, which is told once.
    fn is_changed(&self) -> bool {
        free(&self.looker).is_some_and(|mut looker| std::mem::take(&mut looker.changed))
    }
}

/// Tells a watch what is known already.
#[derive(Clone)]
pub struct Marker {
    looker: Arc<Mutex<Looker>>,
}

impl Marker {
    /// The hash that a configuration of what was last seen has.
    pub fn hash(&self) -> Option<u64> {
        let looker = free(&self.looker)?;
        let content = looker.seen.as_ref()?;
        let included = content.included.iter().flatten().flatten();
        Some(hash_of(&content.file, included.map(|source| source.bytes.as_slice())))
    }

    /// Takes what is there now for known: it is about to be read.
    pub async fn mark(self) {
        let marked = aside(move || free(&self.looker).map(|mut looker| looker.mark())).await;
        if let Err(error) = marked {
            tracing::warn!(%error, "cannot check the configuration for changes");
        }
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
    fn mark(&mut self) {
        self.seen = self.read();
        (self.fresh, self.changed) = (None, false);
        // What is included is watched too, from here on.
        self.follow_or_warn();
    }

    /// Finds out whether there is another content that is whole; gives when to look again, if nothing happens.
    fn look(&mut self, now: Instant) -> Option<Instant> {
        self.follow_or_warn();
        let Some(content) = self.read().filter(|content| self.seen.as_ref() != Some(content)) else {
            self.fresh = None;
            return None;
        };
        let since = match self.fresh.take() {
            Some((fresh, since)) if fresh == content => since,
            _ => now,
        };
        let age = now.duration_since(since);
        if age >= SETTLED && (age >= PATIENCE || !self.is_written()) {
            (self.seen, self.changed) = (Some(content), true);
            return None;
        }
        self.fresh = Some((content, since));
        Some(now + SETTLED)
    }

    /// Whether a program has the file open and has written to it.
    fn is_written(&self) -> bool {
        let writers = lock(&self.writers);
        self.files().iter().any(|file| writers.open.contains(file))
    }

    /// The file and those that it includes, also by the names of what they link to.
    fn files(&self) -> Vec<PathBuf> {
        let directory = self.file.parent().unwrap_or(Path::new("/"));
        let included =
            self.patterns.1.iter().flat_map(|pattern| include::matches(directory, pattern).unwrap_or_default());
        let files: Vec<_> = included.chain([self.file.clone()]).collect();
        let links: Vec<_> = files.iter().filter_map(|file| file.canonicalize().ok()).collect();
        files.into_iter().chain(links).collect()
    }

    fn read(&mut self) -> Option<Content> {
        let file = read(&self.file).ok()?;
        if self.patterns.0 != file {
            let patterns = str::from_utf8(&file).map_or_else(|_| Vec::new(), include::patterns);
            self.patterns = (file.clone(), patterns);
        }
        let included = self.patterns.1.iter().map(|pattern| include::on_disk(&self.file, pattern)).collect();
        Some(Content { file, included })
    }

    fn follow_or_warn(&mut self) {
        if let Err(error) = self.follow() {
            tracing::warn!(file = %self.file.display(), %error, "cannot watch the configuration's directory");
        }
    }

    /// Watches the directories of the files, and those of what they link to, which may be others than before.
    fn follow(&mut self) -> notify::Result<()> {
        let mut wanted: BTreeSet<PathBuf> =
            self.files().iter().filter_map(|file| file.parent().map(Path::to_owned)).collect();
        let directory = self.file.parent().unwrap_or(Path::new("/"));
        for pattern in &self.patterns.1 {
            wanted.extend(places(directory, pattern));
        }
        for gone in self.directories.difference(&wanted) {
            // A directory that was removed is no longer watched anyway.
            let _ = self.watcher.unwatch(gone);
        }
        self.directories.retain(|directory| wanted.contains(directory) && directory.exists());
        for directory in wanted {
            if !self.directories.contains(&directory) {
                self.watcher.watch(&directory, RecursiveMode::NonRecursive)?;
                self.directories.insert(directory);
            }
        }
        Ok(())
    }
}

/// The directories that files of a pattern are in, or would come to be in.
fn places(directory: &Path, pattern: &str) -> Vec<PathBuf> {
    let Some(above) = Path::new(pattern).parent().and_then(Path::to_str) else { return Vec::new() };
    let mut places = if above.is_empty() {
        vec![directory.to_owned()]
    } else {
        include::matches(directory, above).unwrap_or_default()
    };
    // Where there are none yet, the nearest that there is.
    let fixed = Path::new(above)
        .components()
        .take_while(|part| part.as_os_str().to_str().is_some_and(|part| !include::is_glob(part)));
    let fixed = directory.join(fixed.collect::<PathBuf>());
    places.extend(fixed.ancestors().find(|place| place.is_dir()).map(Path::to_owned));
    places.retain(|place| place.is_dir());
    places
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// What a look says once the content has been the same for long enough.
    fn differs(watch: &mut Looker) -> bool {
        let now = Instant::now();
        watch.look(now);
        watch.look(now + PATIENCE);
        std::mem::take(&mut watch.changed)
    }

    #[test]
    fn only_another_content_is_a_change() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("dsr.yaml");
        fs::write(&file, "one").unwrap();
        let watch = Watch::new(&file).unwrap();
        let mut watch = watch.looker.lock().unwrap();
        fs::write(&file, "one").unwrap();
        assert!(!differs(&mut watch));
        fs::remove_file(&file).unwrap();
        assert!(!differs(&mut watch));
        fs::write(&file, "one").unwrap();
        assert!(!differs(&mut watch));
        fs::write(&file, "two").unwrap();
        assert!(differs(&mut watch));
        assert!(!differs(&mut watch));
    }

    #[test]
    fn a_content_that_still_changes_is_not_whole() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("dsr.yaml");
        fs::write(&file, "one").unwrap();
        let watch = Watch::new(&file).unwrap();
        let mut watch = watch.looker.lock().unwrap();
        let begin = Instant::now();
        fs::write(&file, "one, tw").unwrap();
        assert_eq!(watch.look(begin), Some(begin + SETTLED));
        fs::write(&file, "one, two").unwrap();
        assert_eq!(watch.look(begin + SETTLED), Some(begin + 2 * SETTLED), "this is another one");
        assert!(watch.look(begin + SETTLED + SETTLED / 2).is_some());
        lock(&watch.writers).open = BTreeSet::from([file.clone()]);
        watch.look(begin + 3 * SETTLED);
        assert!(!watch.changed, "somebody has it open");
        lock(&watch.writers).open.clear();
        assert_eq!((watch.look(begin + 4 * SETTLED), watch.changed), (None, true));
    }
}
