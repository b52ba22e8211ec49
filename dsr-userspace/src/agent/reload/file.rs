//! The configuration file as the agent knows it: whether what is on disk is in force, and if not, why.

use std::path::PathBuf;

use tokio::sync::mpsc;

use super::{
    Why,
    loading::{Loaded, Loading, loaded},
    retry::Retry,
};
use crate::{
    agent::{Error, watching::watch_file},
    api::view::{FileProblem, ReloadAnswer, StatusFinding},
    config::{FileState, Marker, Watch},
    metrics::Reloads,
    tasks::{Task, Tasks},
};

/// The file.
pub(in crate::agent) struct ConfigFile {
    pub(super) path: PathBuf,
    /// Says that it has changed.
    changes: mpsc::Receiver<()>,
    /// Watches it for as long as it is held.
    _watch: Task,
    /// What is known of it already.
    pub(super) marker: Marker,
    /// The file, while it is read again.
    pub(super) loading: Option<Loading>,
    /// What it waits for after it was refused.
    pub(super) retry: Retry,
    reloads: Reloads,
    refusal: Option<Refusal>,
}

/// What happens to the file.
pub(in crate::agent) enum FileEvent {
    /// It has changed.
    Changed,
    /// What it was refused for may have passed.
    Due,
    /// It was read.
    Loaded(Box<Loaded>),
}

/// Why the file on disk is not in force.
struct Refusal {
    /// What was told of it.
    errors: Vec<FileProblem>,
    /// The same for those who ask later.
    finding: StatusFinding,
}

impl ConfigFile {
    /// The file that the agent starts with.
    pub(in crate::agent) fn new(path: PathBuf, watch: Watch, tasks: &Tasks) -> Self {
        let marker = watch.marker();
        let (changes, watch) = watch_file(watch, tasks);
        Self {
            path,
            changes,
            _watch: watch,
            marker,
            loading: None,
            retry: Retry::No,
            reloads: Reloads::default(),
            refusal: None,
        }
    }

    /// Waits for what happens to it. May be dropped and called again: nothing is lost.
    pub(in crate::agent) async fn event(&mut self) -> Result<FileEvent, Error> {
        tokio::select! {
            Some(()) = self.changes.recv() => Ok(FileEvent::Changed),
            () = self.retry.due() => {
                self.retry.take_up();
                Ok(FileEvent::Due)
            }
            loaded = loaded(&mut self.loading, &self.path, &self.marker) => {
                loaded.map(|loaded| FileEvent::Loaded(Box::new(loaded)))
            }
        }
    }

    /// How often it was read again.
    pub(in crate::agent) const fn reloads(&self) -> Reloads {
        self.reloads
    }

    /// Why what is on disk is not in force, while it is not.
    pub(in crate::agent) fn finding(&self) -> Option<StatusFinding> {
        self.refusal.as_ref().map(|refusal| refusal.finding.clone())
    }

    /// Keeps what is in force, and says so: the next start would find no file.
    pub(super) fn tell_gone(&mut self) {
        self.retry = Retry::No;
        let file = self.path.display();
        tracing::warn!(%file, "the configuration file is gone: the configuration in force stays, a restart would fail");
        let what = "the configuration file is gone: the next start of the agent fails";
        let finding = StatusFinding::new(file, what, "restore the file");
        self.refusal = Some(Refusal { errors: Vec::new(), finding });
    }

    /// Says that it was changed and waits for `dsr reload`, if it is another one than that in force.
    pub(super) fn tell_waiting(&mut self, is_other: bool) {
        self.retry = Retry::No;
        self.refusal = None;
        if is_other {
            let file = self.path.display();
            tracing::info!(%file, "the file changed and `watch` is off: run `dsr reload` to apply it");
            let what = "the file changed and is not in force: `watch` is off";
            let finding = StatusFinding::new(file, what, "`dsr reload`");
            self.refusal = Some(Refusal { errors: Vec::new(), finding });
        }
    }

    /// What was read of it is in force.
    pub(super) fn accept(&mut self, why: Why) {
        self.retry = Retry::No;
        self.refusal = None;
        self.reloads.ok += 1;
        tracing::info!(file = %self.path.display(), "reloaded: {why}");
        // It went after it was read.
        if self.marker.state() == FileState::Gone {
            self.tell_gone();
        }
    }

    /// Keeps what is wrong with it, and tells of it where it was not told before.
    pub(super) fn refuse(&mut self, answer: &ReloadAnswer, why: Why) {
        let again = self.retry.is_planned();
        let is_told = self.refusal.as_ref().is_some_and(|refusal| refusal.errors == answer.errors);
        self.refusal = Some(Refusal { errors: answer.errors.clone(), finding: finding(answer, again) });
        if why == Why::Passed && is_told {
            tracing::debug!(file = answer.file, "not reloaded, for the same reason as before");
            return;
        }
        self.reloads.error += 1;
        for error in &answer.errors {
            tracing::error!("{}", error.text);
        }
        let again = if again { "; it is retried when the cause may be gone" } else { "" };
        tracing::error!("not reloaded ({why}): the previous configuration stays in force{again}");
    }
}

pub(super) fn problems(file: &str, error: &Error) -> Vec<FileProblem> {
    match error {
        Error::Config(errors) => errors.problems().iter().map(FileProblem::from).collect(),
        error => vec![FileProblem::of_file(file, error.to_string())],
    }
}

fn finding(answer: &ReloadAnswer, again: bool) -> StatusFinding {
    let first = answer.errors.first().map_or("", |error| &error.text);
    let what = match answer.errors.len() {
        1 => format!("the file on disk is not in force: {first}"),
        count => format!("the file on disk is not in force for {count} errors, the first of which is {first}"),
    };
    let remedy =
        if again { "it is retried when the cause may be gone; or fix the file, see `dsr check`" } else { CHECK };
    StatusFinding::new(&answer.file, what, remedy)
}

const CHECK: &str = "fix the file: `dsr check` lists every error";
