//! How many files the agent may have open.

use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What this process was started with.
static BEFORE: OnceLock<Rlimit> = OnceLock::new();

/// Raises the soft limit to the hard one: probes, connections and maps take a descriptor each, and the usual soft limit is
/// for programs that call `select`. If that is refused, the limit stays and a warning is logged.
pub fn raise_open_files() {
    let before = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: before.maximum, ..before });
    match raised {
        Ok(()) => drop(BEFORE.set(before)),
        Err(error) => tracing::warn!(%error, soft = before.current, "the limit of open files cannot be raised"),
    }
}

/// Gives the calling process the limit back that this one was started with: for programs that are started. It makes system
/// calls only.
pub fn restore_open_files() -> std::io::Result<()> {
    BEFORE.get().map_or(Ok(()), |before| setrlimit(Resource::Nofile, *before).map_err(Into::into))
}
