//! The agent of a lab: the real one, as a child process in the balancer's namespace.

use std::{
    fs::{self, File},
    io,
    os::{fd::OwnedFd, unix::process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, OnceLock, mpsc},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::{
    error::{Doing, Error, Result},
    http,
    net::Namespace,
    plan::METRICS_PORT,
    samples::Samples,
    stop::Stop,
    view,
};

/// How to start an agent, and how commands beside it run.
#[derive(Debug)]
pub(super) struct AgentSpec {
    pub(super) balancer: Arc<Namespace>,
    pub(super) directory: PathBuf,
    pub(super) stop: Stop,
}

/// A running agent. Dropping it stops it.
#[derive(Debug)]
pub struct Agent {
    balancer: Arc<Namespace>,
    log: PathBuf,
    stop: Stop,
    pid: Pid,
    process: OwnedFd,
    ended: Arc<OnceLock<ExitStatus>>,
}

impl AgentSpec {
    /// Writes the agent's configuration, in one step; gives its path as seen from outside.
    pub(super) fn write_configuration(&self, yaml: &str) -> Result<PathBuf> {
        let path = self.directory.join(CONFIGURATION);
        let fresh = path.with_extension("yaml.new");
        let written = fs::write(&fresh, yaml).and_then(|()| fs::rename(&fresh, &path));
        written.doing(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    /// A command in the balancer's namespace that sees the agent's mounts.
    pub(super) fn command(&self, program: &Path) -> Result<Command> {
        let mut command = self.balancer.command(program)?;
        view::confine(&mut command, &self.directory)?;
        Ok(command)
    }

    /// The command `program doctor -c FILE`.
    pub(super) fn doctor(&self, program: &Path) -> Result<Command> {
        let mut command = self.command(program)?;
        command.args(["doctor", "-c", &configuration()]);
        Ok(command)
    }

    /// Starts `program run -c FILE`.
    pub(super) fn start(&self, program: &Path) -> Result<Agent> {
        let log = self.directory.join(LOG);
        let mut command = self.command(program)?;
        let file = File::create(&log).and_then(|file| Ok((file.try_clone()?, file)));
        let (out, err) = file.doing(|| format!("create {}", log.display()))?;
        command.args(["run", "-c", &configuration()]).stdin(Stdio::null()).stdout(out).stderr(err);
        // Ctrl-C is for the lab, which ends the agent last.
        command.process_group(0);
        let ended = Arc::new(OnceLock::new());
        let (pid, process) =
            keep(command, Arc::clone(&ended)).doing(|| format!("start the agent {}", program.display()))?;
        Ok(Agent { balancer: Arc::clone(&self.balancer), log, stop: self.stop.clone(), pid, process, ended })
    }
}

impl Agent {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().cast_unsigned()
    }

    /// How it ended, if it did.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.ended.get().copied()
    }

    /// Sends it a signal; nothing happens where it has ended.
    pub fn signal(&self, signal: Signal) {
        if pidfd_send_signal(&self.process, signal).is_err() {
            tracing::debug!(pid = self.pid(), ?signal, "the agent has ended");
        }
    }

    /// Stops it with SIGTERM, and with SIGKILL where that does not help; gives how it ended, unless it cannot die.
    pub fn stop(&self) -> Option<ExitStatus> {
        self.signal(Signal::TERM);
        if !self.ends_within(STOP_PATIENCE) {
            tracing::warn!(pid = self.pid(), "the agent does not stop: killing it");
            self.signal(Signal::KILL);
            self.ends_within(STOP_PATIENCE);
        }
        self.ended()
    }

    /// All that it wrote to stdout and stderr.
    pub fn log(&self) -> String {
        fs::read(&self.log).map_or_else(|_| String::new(), |text| String::from_utf8_lossy(&text).into_owned())
    }

    /// Reads its metrics.
    pub fn scrape(&self) -> Result<Samples> {
        let address = ([127, 0, 0, 1], METRICS_PORT).into();
        let answer = self.balancer.block_on(|| http::get(address, "/metrics", SCRAPE_TIMEOUT))?;
        let answer = answer.map_err(|failure| Error::Scrape(failure.to_string()))?;
        if !answer.status.is_success() {
            return Err(Error::Scrape(format!("HTTP status {}", answer.status)));
        }
        Samples::parse(&String::from_utf8_lossy(&answer.body)).map_err(Error::Scrape)
    }

    /// Reads its metrics until they show what is waited for; `what` completes "did not show ...".
    pub fn wait_until(&self, what: &str, within: Duration, mut shown: impl FnMut(&Samples) -> bool) -> Result<Samples> {
        let deadline = Instant::now() + within;
        loop {
            self.stop.check()?;
            if let Some(status) = self.ended() {
                return Err(Error::AgentEnded { status, log: self.log_tail() });
            }
            let last = match self.scrape() {
                Ok(samples) if shown(&samples) => return Ok(samples),
                Ok(_) => "its metrics do not show it".to_owned(),
                Err(error) => error.to_string(),
            };
            if Instant::now() > deadline {
                return Err(Error::AgentNotReady { what: what.to_owned(), within, last, log: self.log_tail() });
            }
            thread::sleep(POLL);
        }
    }

    fn ends_within(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while self.ended().is_none() && Instant::now() < deadline {
            thread::sleep(POLL);
        }
        self.ended().is_some()
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL)..].join("\n")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The configuration, as commands in the balancer see it.
fn configuration() -> String {
    format!("{}/{CONFIGURATION}", view::AGENT_DIRECTORY.to_string_lossy())
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

/// Name of the configuration in the lab's directory.
const CONFIGURATION: &str = "dsr.yaml";
const LOG: &str = "agent.log";
/// Lines of the log that an error shows.
const LOG_TAIL: usize = 20;
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(2);
/// From SIGTERM to SIGKILL.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(10);
