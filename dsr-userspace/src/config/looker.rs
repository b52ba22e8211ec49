//! Looks at the configuration file and those that it includes, and tells a new content once it is whole.
//!
//! A look may block where the file system does.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::time::Instant;

use super::{
    file_state::{FileState, Known},
    include::{self, Source},
    matches::{Budget, matches, places},
    parse::hash_of,
    read::{ReadError, read},
    writers::{Writers, lock},
};

/// How long a new content has to stay the same: it may come in steps, and a part of a file can be a good one.
pub(super) const DEBOUNCE: Duration = Duration::from_millis(500);

/// How long one that stays the same is left because somebody has the file open for writing.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long after a look that could not read the file it is looked at again: no event tells that a file system, or a
/// directory above the watched one, is back.
pub(super) const UNREADABLE_PAUSE: Duration = Duration::from_secs(5);

/// Looks at the files.
pub(super) struct Looker {
    pub(super) file: PathBuf,
    /// What was there at the last time, or at the beginning; nothing where that is in doubt.
    seen: Option<Content>,
    /// Another content, which may not be whole yet, and since when it is there.
    fresh: Option<(Content, Instant)>,
    writers: Arc<Mutex<Writers>>,
    watcher: RecommendedWatcher,
    directories: BTreeSet<PathBuf>,
    /// What the file includes, and the content that says so.
    patterns: (Vec<u8>, Vec<String>),
    known: Arc<Known>,
}

/// The bytes of a file and of those that it includes, or why they cannot be had.
#[derive(Debug, PartialEq, Eq)]
struct Content {
    file: Result<Vec<u8>, ReadError>,
    included: Vec<Result<Vec<Source>, String>>,
}

impl Content {
    fn state(&self) -> FileState {
        let file = match &self.file {
            Ok(file) => file,
            Err(ReadError::Gone(_)) => return FileState::Gone,
            Err(ReadError::Unreadable(_)) => return FileState::Unreadable,
        };
        if self.included.iter().any(Result::is_err) {
            return FileState::Unreadable;
        }
        // A file that several patterns have is read once.
        let mut paths = BTreeSet::new();
        let included = self.included.iter().flatten().flatten().filter(|source| paths.insert(&source.path));
        FileState::Readable(hash_of(file, included.map(|source| source.bytes.as_slice())))
    }
}

impl Looker {
    pub(super) fn new(
        file: PathBuf,
        writers: Arc<Mutex<Writers>>,
        watcher: RecommendedWatcher,
        known: Arc<Known>,
    ) -> Self {
        let (seen, fresh, directories, patterns) = (None, None, BTreeSet::new(), (Vec::new(), Vec::new()));
        Self { file, seen, fresh, writers, watcher, directories, patterns, known }
    }

    /// Takes what is there now for known.
    pub(super) fn mark(&mut self) {
        let content = self.read();
        self.known.mark(content.state());
        (self.seen, self.fresh) = (Some(content), None);
        // What is included is watched too, from here on.
        self.follow_or_warn();
    }

    /// Whether there still is what was last seen; otherwise the next look reports whatever it finds.
    pub(super) fn confirm(&mut self) -> bool {
        let content = self.read();
        let is_same = self.seen.as_ref() == Some(&content);
        if !is_same {
            self.seen = None;
        }
        is_same
    }

    /// Finds out whether there is another content that is whole; gives when to look again, if nothing happens.
    pub(super) fn look(&mut self, now: Instant) -> Option<Instant> {
        self.follow_or_warn();
        let content = self.read();
        let state = content.state();
        let pause = (!matches!(state, FileState::Readable(_))).then(|| now + UNREADABLE_PAUSE);
        if self.seen.as_ref() == Some(&content) {
            self.fresh = None;
            self.known.answer(state);
            return pause;
        }
        let since = match self.fresh.take() {
            Some((fresh, since)) if fresh == content => since,
            _ => now,
        };
        let age = now.duration_since(since);
        if age >= DEBOUNCE && (age >= PATIENCE || !self.is_written()) {
            self.seen = Some(content);
            self.known.answer(state);
            self.known.change(state);
            return pause;
        }
        self.fresh = Some((content, since));
        Some(now + DEBOUNCE)
    }

    /// Whether a program has the file open and has written to it.
    fn is_written(&self) -> bool {
        let writers = lock(&self.writers);
        self.files().iter().any(|file| writers.open.contains(file))
    }

    /// The file and those that it includes, also by the names of what they link to.
    fn files(&self) -> Vec<PathBuf> {
        let directory = self.file.parent().unwrap_or(Path::new("/"));
        let mut budget = Budget::default();
        let included =
            self.patterns.1.iter().flat_map(|pattern| matches(directory, pattern, &mut budget).unwrap_or_default());
        let files: Vec<_> = included.chain([self.file.clone()]).collect();
        let links: Vec<_> = files.iter().filter_map(|file| file.canonicalize().ok()).collect();
        files.into_iter().chain(links).collect()
    }

    fn read(&mut self) -> Content {
        let file = match read(&self.file) {
            Ok(file) => file,
            // What it included is watched on: it may come back as it was.
            Err(error) => return Content { file: Err(error), included: Vec::new() },
        };
        if self.patterns.0 != file {
            let patterns = str::from_utf8(&file).map_or_else(|_| Vec::new(), include::patterns);
            self.patterns = (file.clone(), patterns);
        }
        let mut budget = Budget::default();
        let on_disk = |pattern: &String| include::on_disk(&self.file, pattern, &mut budget);
        let included = self.patterns.1.iter().map(on_disk).collect();
        Content { file: Ok(file), included }
    }

    fn follow_or_warn(&mut self) {
        if let Err(error) = self.follow() {
            tracing::warn!(file = %self.file.display(), %error, "cannot watch the configuration's directory");
        }
    }

    /// Watches the directories of the files, and those of what they link to, which may be others than before.
    pub(super) fn follow(&mut self) -> notify::Result<()> {
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

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use super::{
        super::{LARGEST, Watch},
        *,
    };

    /// What a look says once the content has been the same for long enough.
    fn differs(watch: &mut Looker) -> bool {
        let now = Instant::now();
        watch.look(now);
        watch.look(now + PATIENCE);
        watch.known.take_change()
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
        fs::write(&file, "two").unwrap();
        assert!(differs(&mut watch));
        assert!(!differs(&mut watch));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_a_change_until_it_can() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("dsr.yaml");
        fs::write(&file, "one").unwrap();
        let watch = Watch::new(&file).unwrap();
        let mut watch = watch.looker.lock().unwrap();
        let readable = watch.known.state();
        assert!(matches!(readable, FileState::Readable(_)));
        let remove = || fs::remove_file(&file).or_else(|_| fs::remove_dir(&file)).unwrap();
        let replace: [(&dyn Fn(), FileState); 4] = [
            (&|| fs::create_dir(&file).unwrap(), FileState::Unreadable),
            (&|| assert!(Command::new("mkfifo").arg(&file).status().unwrap().success()), FileState::Unreadable),
            (&|| fs::File::create(&file).unwrap().set_len(LARGEST + 1).unwrap(), FileState::Unreadable),
            (&|| {}, FileState::Gone),
        ];
        for (replace, state) in replace {
            remove();
            replace();
            assert!(differs(&mut watch), "{state:?}");
            assert_eq!(watch.known.state(), state);
            assert!(!differs(&mut watch), "it is reported once");
            let now = Instant::now();
            assert_eq!(watch.look(now), Some(now + UNREADABLE_PAUSE), "no event need tell that it is back");
            if state != FileState::Gone {
                remove();
            }
            fs::write(&file, "one").unwrap();
            assert!(differs(&mut watch));
            assert_eq!(watch.known.state(), readable);
        }
    }

    #[test]
    fn what_changes_while_it_is_read_is_reported_even_if_it_is_as_before() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("dsr.yaml");
        fs::write(&file, "one").unwrap();
        let watch = Watch::new(&file).unwrap();
        let mut watch = watch.looker.lock().unwrap();
        watch.mark();
        assert!(watch.confirm());
        fs::remove_file(&file).unwrap();
        assert!(!watch.confirm());
        fs::write(&file, "one").unwrap();
        assert!(differs(&mut watch));
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
        assert_eq!(watch.look(begin), Some(begin + DEBOUNCE));
        fs::write(&file, "one, two").unwrap();
        assert_eq!(watch.look(begin + DEBOUNCE), Some(begin + 2 * DEBOUNCE), "this is another one");
        assert!(watch.look(begin + DEBOUNCE + DEBOUNCE / 2).is_some());
        lock(&watch.writers).open = BTreeSet::from([file.clone()]);
        watch.look(begin + 3 * DEBOUNCE);
        assert!(!watch.known.take_change(), "somebody has it open");
        lock(&watch.writers).open.clear();
        assert_eq!((watch.look(begin + 4 * DEBOUNCE), watch.known.take_change()), (None, true));
    }
}
