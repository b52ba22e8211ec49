//! The agent of a lab: the real one, as a child process in the balancer's namespace.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::{
    error::{Doing, Error, Result},
    http,
    net::Namespace,
    plan::METRICS_PORT,
    process::Process,
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
    stop: Stop,
    process: Process,
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
        let mut command = self.command(program)?;
        command.args(["run", "-c", &configuration()]);
        let process = Process::start(command, self.directory.join(LOG), &format!("the agent {}", program.display()))?;
        Ok(Agent { balancer: Arc::clone(&self.balancer), stop: self.stop.clone(), process })
    }
}

impl Agent {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// How it ended, if it did.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.process.ended()
    }

    /// Sends it a signal; nothing happens where it has ended.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Stops it with SIGTERM, and with SIGKILL where that does not help; gives how it ended, unless it cannot die.
    pub fn stop(&self) -> Option<ExitStatus> {
        self.process.stop()
    }

    /// All that it wrote to stdout and stderr.
    pub fn log(&self) -> String {
        self.process.log()
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
                return Err(Error::AgentEnded { status, log: self.process.log_tail() });
            }
            let last = match self.scrape() {
                Ok(samples) if shown(&samples) => return Ok(samples),
                Ok(_) => "its metrics do not show it".to_owned(),
                Err(error) => error.to_string(),
            };
            if Instant::now() > deadline {
                return Err(Error::AgentNotReady { what: what.to_owned(), within, last, log: self.process.log_tail() });
            }
            thread::sleep(POLL);
        }
    }
}

/// The configuration, as commands in the balancer see it.
fn configuration() -> String {
    format!("{}/{CONFIGURATION}", view::AGENT_DIRECTORY.to_string_lossy())
}

/// Name of the configuration in the lab's directory.
const CONFIGURATION: &str = "dsr.yaml";
const LOG: &str = "agent.log";
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(10);
