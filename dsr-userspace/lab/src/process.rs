//! Agents of a lab: child processes that write to a log each and end with the lab.

use std::{
    fs::{self, File},
    io,
    os::{fd::OwnedFd, unix::process::CommandExt},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, OnceLock, mpsc},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::error::{Doing, Result};

/// A running process. Dropping it stops it.
#[derive(Debug)]
pub(super) struct Process {
    log: PathBuf,
    pid: Pid,
    descriptor: OwnedFd,
    ended: Arc<OnceLock<ExitStatus>>,
}

impl Process {
    /// Starts a command whose output goes to this file; `what` is it in messages.
    pub(super) fn start(mut command: Command, log: PathBuf, what: &str) -> Result<Self> {
        let file = File::create(&log).and_then(|file| Ok((file.try_clone()?, file)));
        let (out, err) = file.doing(|| format!("create {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        // Ctrl-C is for the lab, which ends its processes last.
        command.process_group(0);
        let ended = Arc::new(OnceLock::new());
        let (pid, descriptor) = keep(command, Arc::clone(&ended)).doing(|| format!("start {what}"))?;
        Ok(Self { log, pid, descriptor, ended })
    }

    /// Its number.
    pub(super) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().cast_unsigned()
    }

    /// How it ended, if it did.
    pub(super) fn ended(&self) -> Option<ExitStatus> {
        self.ended.get().copied()
    }

    /// Sends it a signal; nothing happens where it has ended.
    pub(super) fn signal(&self, signal: Signal) {
        if pidfd_send_signal(&self.descriptor, signal).is_err() {
            tracing::debug!(pid = self.pid(), ?signal, "the process has ended");
        }
    }

    /// Stops it with SIGTERM, and with SIGKILL where that does not help; gives how it ended, unless it cannot die.
    pub(super) fn stop(&self) -> Option<ExitStatus> {
        self.signal(Signal::TERM);
        if !self.ends_within(STOP_PATIENCE) {
            tracing::warn!(pid = self.pid(), "the process does not stop: killing it");
            self.signal(Signal::KILL);
            self.ends_within(STOP_PATIENCE);
        }
        self.ended()
    }

    /// All that it wrote to stdout and stderr.
    pub(super) fn log(&self) -> String {
        fs::read(&self.log).map_or_else(|_| String::new(), |text| String::from_utf8_lossy(&text).into_owned())
    }

    /// The end of that.
    pub(super) fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL)..].join("\n")
    }

    fn ends_within(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while self.ended().is_none() && Instant::now() < deadline {
            thread::sleep(POLL);
        }
        self.ended().is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Spawns the command from a thread of its own that lives as long as the child: the child is killed when the thread
/// that spawned it ends.
fn keep(mut command: Command, ended: Arc<OnceLock<ExitStatus>>) -> io::Result<(Pid, OwnedFd)> {
    let (tell, told) = mpsc::channel();
    let keeper = move || {
        let (mut child, process) = match command.spawn().and_then(|child| Ok((pidfd(&child)?, child))) {
            Ok((process, child)) => (child, process),
            Err(error) => return drop(tell.send(Err(error))),
        };
        // A pidfd keeps naming this process after it was waited for, when its number may be another's.
        let _ = tell.send(Ok(process));
        if let Ok(status) = child.wait() {
            let _ = ended.set(status);
        }
    };
    thread::Builder::new().name("lab-agent".into()).spawn(keeper)?;
    told.recv().unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()))
}

fn pidfd(child: &Child) -> io::Result<(Pid, OwnedFd)> {
    let pid = Pid::from_child(child);
    Ok((pid, pidfd_open(pid, PidfdFlags::empty())?))
}

/// Lines of the log that an error shows.
const LOG_TAIL: usize = 20;
/// From SIGTERM to SIGKILL.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(10);
