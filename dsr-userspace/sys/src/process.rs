//! Processes: their end as something to wait for, and who becomes the parent of orphans.

use std::{io, os::fd::OwnedFd};

use rustix::process::{Pid, PidfdFlags, getpid, pidfd_open, set_child_subreaper};
use tokio::io::{Interest, unix::AsyncFd};

/// Makes the calling process the new parent of descendants whose parent ends (`prctl(2)`, `PR_SET_CHILD_SUBREAPER`).
pub fn become_subreaper() -> io::Result<()> {
    Ok(set_child_subreaper(Some(getpid()))?)
}

/// A process by its descriptor, which names no other process when this one has ended.
#[derive(Debug)]
pub struct Process(AsyncFd<OwnedFd>);

impl Process {
    /// A process that was not reaped yet. Needs a tokio runtime with I/O enabled.
    pub fn open(pid: Pid) -> io::Result<Self> {
        let descriptor = pidfd_open(pid, PidfdFlags::empty())?;
        // SAFETY: an `OwnedFd` keeps its one descriptor open for as long as it lives, and the registration owns it.
        let registered = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) };
        registered.map(Self).map_err(io::Error::from)
    }

    /// Waits until it has ended. It is not reaped by that. May be dropped and called again.
    pub async fn ended(&self) -> io::Result<()> {
        self.0.readable().await?.retain_ready();
        Ok(())
    }
}
