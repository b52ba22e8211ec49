//! The end of a process, as something to wait for.

use std::{io, os::fd::OwnedFd};

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::io::{Interest, unix::AsyncFd};

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
