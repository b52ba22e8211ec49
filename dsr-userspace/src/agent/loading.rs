//! The file while it is read again: in a task of its own, so that the agent goes on and can be ended.

use std::path::{Path, PathBuf};

use tokio::task::{JoinError, JoinHandle};

use super::Error;
use crate::config::{self, Config, HostFacts};

/// A file that is being read.
#[derive(Debug)]
pub(super) struct Loading {
    path: PathBuf,
    why: &'static str,
    task: JoinHandle<Result<Config, Error>>,
    /// Why it is to be read once more.
    pub(super) again: Option<&'static str>,
}

impl Loading {
    pub(super) fn begin(path: &Path, why: &'static str) -> Self {
        let path = path.to_owned();
        let task = tokio::spawn(read(path.clone()));
        Self { path, why, task, again: None }
    }
}

async fn read(path: PathBuf) -> Result<Config, Error> {
    let facts = HostFacts::read().await?;
    Ok(config::load_on_host(&path, &facts).await?)
}

/// Waits until the file is read, if it is being read, and gives why it was and what came of it. May be dropped and called
/// again: nothing is lost.
pub(super) async fn loaded(loading: &mut Option<Loading>) -> Result<(&'static str, Result<Config, Error>), Error> {
    let Some(Loading { path, why, task, again }) = loading else { return std::future::pending().await };
    let (result, why) = (task.await, *why);
    *loading = again.map(|why| Loading::begin(path, why));
    result.map(|result| (why, result)).map_err(|error: JoinError| Error::Reader(error.to_string()))
}
