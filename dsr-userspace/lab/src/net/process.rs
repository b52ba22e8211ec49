//! The processes of a network namespace.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, getpid, kill_process};

/// Device and inode of a namespace's file in `nsfs`.
type NamespaceId = (u64, u64);

/// Kills the processes whose network namespace is the one mounted at `path`, and waits until they are gone. Never
/// touches this process, nor anything where `path` is this process's own namespace.
pub(super) fn kill_all_in(path: &Path) {
    let Some(namespace) = id(path) else { return };
    if id(Path::new("/proc/self/ns/net")) == Some(namespace) {
        return;
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        let living = members(namespace);
        if living.is_empty() {
            return;
        }
        if Instant::now() > deadline {
            tracing::warn!(namespace = %path.display(), ?living, "processes do not die");
            return;
        }
        for pid in living {
            // It may have ended by itself since.
            let _ = kill_process(pid, Signal::KILL);
        }
        thread::sleep(POLL);
    }
}

fn members(namespace: NamespaceId) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let pids = names.filter_map(|name| name.parse().ok().and_then(Pid::from_raw));
    pids.filter(|&pid| pid != getpid())
        .filter(|pid| id(Path::new(&format!("/proc/{}/ns/net", pid.as_raw_nonzero()))) == Some(namespace))
        .collect()
}

fn id(path: &Path) -> Option<NamespaceId> {
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

const PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(5);
