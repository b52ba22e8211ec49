//! The backends' own agents, in forward modes that cross routers: `dsr backend run` in the namespace of each backend.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use super::{
    Lab, configuration,
    error::{Doing, Error, Result},
    plan::Node,
    process::Process,
    state::PINS,
};

/// The running ones, by the backend's number.
#[derive(Debug, Default)]
pub(super) struct BackendAgents(Mutex<BTreeMap<u8, Process>>);

impl Lab {
    /// Starts `program backend run` on every backend, with a file for the lab's forward mode, and waits until each takes
    /// packets. Nothing happens in forward mode `l2`.
    pub fn start_backend_agents(&self, program: impl AsRef<Path>) -> Result<()> {
        (1..=self.shape.backends).try_for_each(|number| self.start_backend_agent(number, program.as_ref()))
    }

    /// The same on one backend, whose agent is stopped first if it has one.
    pub fn start_backend_agent(&self, number: u8, program: &Path) -> Result<()> {
        let Some(backend) = self.backend(number).filter(|_| self.shape.forward.is_routed()) else { return Ok(()) };
        self.stop_backend_agent(number);
        let name = Node::Backend(number).to_string();
        let file = self.directory().join(format!("{name}.yaml"));
        fs::write(&file, configuration::of_backend(self.shape)).doing(|| format!("write {}", file.display()))?;
        let mut command = backend.command(program)?;
        command.args(["backend", "run", "-c"]).arg(&file);
        command.arg("--pins").arg(self.directory().join(PINS).join(&name));
        command.arg("--state").arg(self.directory().join(format!("{name}.state")));
        let what = format!("the agent of {name}, {} backend run", program.display());
        let process = Process::start(command, self.directory().join(format!("{name}.log")), &what)?;
        let deadline = Instant::now() + READY_WITHIN;
        while !process.log().contains(ATTACHED) {
            self.agent_spec.stop.check()?;
            if let Some(status) = process.ended() {
                return Err(Error::AgentEnded { status, log: process.log_tail() });
            }
            if Instant::now() > deadline {
                let (what, last) = (format!("the program on {name}"), "its log does not say it".to_owned());
                return Err(Error::AgentNotReady { what, within: READY_WITHIN, last, log: process.log_tail() });
            }
            thread::sleep(POLL);
        }
        self.backend_agents.0.lock().unwrap_or_else(PoisonError::into_inner).insert(number, process);
        Ok(())
    }

    /// Stops the agent of a backend: its program is detached.
    pub fn stop_backend_agent(&self, number: u8) {
        self.backend_agents.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }
}

/// What an agent logs when its program takes packets.
const ATTACHED: &str = "attached ";
const READY_WITHIN: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);
