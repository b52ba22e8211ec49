//! The file while it is read again: in a task of its own, so that the agent goes on and can be ended.

use std::path::{Path, PathBuf};

use tokio::task::{JoinError, JoinHandle};

use super::Why;
use crate::{
    agent::{Error, listeners::command::Answer},
    api::view::ReloadAnswer,
    config::{self, Config, HostFacts, Marker},
};

/// A file that is being read.
#[derive(Debug)]
pub(super) struct Loading {
    why: Why,
    /// Who waits for what comes of it.
    answers: Vec<Answer<ReloadAnswer>>,
    task: JoinHandle<Read>,
    /// Why it is to be read once more, and who waits for that.
    again: Option<(Why, Vec<Answer<ReloadAnswer>>)>,
}

/// What was read.
#[derive(Debug)]
pub(in crate::agent) struct Read {
    /// The configuration, or why there is none.
    pub(super) config: Result<Config, Error>,
    /// The host that it was compared with.
    pub(super) facts: Option<HostFacts>,
}

/// A file that was read.
pub(in crate::agent) struct Loaded {
    pub(in crate::agent) why: Why,
    pub(in crate::agent) answers: Vec<Answer<ReloadAnswer>>,
    pub(in crate::agent) read: Read,
}

impl Loading {
    /// Begins to read. What the file is now is no change to its watcher any more.
    pub(super) fn begin(path: &Path, marker: &Marker, why: Why, answers: Vec<Answer<ReloadAnswer>>) -> Self {
        let path = path.to_owned();
        let marker = marker.clone();
        let task = tokio::spawn(async move {
            marker.mark().await;
            let read = read(path).await;
            marker.confirm().await;
            read
        });
        Self { why, answers, task, again: None }
    }

    /// Has it read once more afterwards: what is read may be of before the change.
    pub(super) fn again(&mut self, why: Why, answers: Vec<Answer<ReloadAnswer>>) {
        let (last, waiting) = self.again.get_or_insert((why, Vec::new()));
        *last = why;
        waiting.extend(answers);
    }
}

async fn read(path: PathBuf) -> Read {
    let facts = match HostFacts::read().await {
        Ok(facts) => facts,
        Err(error) => return Read { config: Err(error.into()), facts: None },
    };
    let config = config::load_on_host(&path, &facts).await.map_err(Error::from);
    Read { config, facts: Some(facts) }
}

/// Waits until the file is read, if it is being read, and gives what came of it. May be dropped and called again: nothing is
/// lost.
pub(super) async fn loaded(loading: &mut Option<Loading>, path: &Path, marker: &Marker) -> Result<Loaded, Error> {
    let Some(Loading { task, .. }) = loading else { return std::future::pending().await };
    let read = task.await.map_err(|error: JoinError| Error::Reader(error.to_string()));
    let Some(Loading { why, answers, again, .. }) = loading.take() else { return std::future::pending().await };
    *loading = again.map(|(why, answers)| Loading::begin(path, marker, why, answers));
    read.map(|read| Loaded { why, answers, read })
}
