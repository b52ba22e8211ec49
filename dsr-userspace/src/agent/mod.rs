//! The agent: keeps the program's tables equal to what the file declares and the network allows, until it is stopped.
//!
//! One task, the loop, owns all state: [`State`] is what is wanted and known, [`Program`] what is in the kernel, [`Notifier`]
//! tells the network and the operator. What happens (the file changes, the network changes, a signal, a command over the API)
//! reaches it as an event; it answers each with one idempotent reconciliation and publishes a [`Snapshot`]. Whoever reads
//! works on that, in a thread of its own. All other tasks are supervised: one that ends by itself ends the agent.
//!
//! The folders use each other in this order: `reload`, `listeners` and `notifier`, then `snapshot`, `program`, `state`.

mod commands;
mod error;
mod listeners;
mod notifier;
mod probing;
mod program;
mod publishing;
mod reconciling;
mod reload;
mod signals;
mod snapshot;
mod start;
mod state;
mod watching;

use std::{path::Path, sync::Arc, time::Duration};

use tokio::{sync::watch, time::MissedTickBehavior};

pub use error::Error;

use self::{
    listeners::{
        api::ApiListener,
        command::{Commands, reply_all},
        metrics::MetricsListener,
    },
    notifier::{Notifier, PreflightLog},
    probing::Probing,
    program::{Program, beat},
    reload::{ConfigFile, FileEvent, Loaded, Why},
    signals::{Asked, Signals, end_meanwhile},
    snapshot::Snapshot,
    start::{Prepared, end_start},
    state::State,
};
use crate::{
    datapath,
    health::orphans,
    model::Network,
    neighbour::Handle,
    service_manager,
    tasks::{Supervisor, Tasks},
};

/// Runs the agent of the current network namespace, which keeps what outlives it in the directory `pins`, until SIGINT or
/// SIGTERM: then the program is detached; or until SIGUSR1: then it is left to the next agent.
pub async fn run(file: &Path, pins: &Path) -> Result<(), Error> {
    let mut supervisor = Supervisor::new();
    let tasks = supervisor.tasks();
    let mut signals = Signals::start(&tasks).map_err(Error::Signals)?;
    dsr_sys::limits::raise_open_files();
    if let Err(error) = orphans::adopt() {
        tracing::warn!(%error, "processes that check commands leave behind cannot be found");
    }
    let prepared = tokio::select! {
        prepared = Prepared::read(file, &tasks) => prepared?,
        () = signals.stopped() => return Ok(()),
    };
    // From here on the program may be attached: a signal is heeded in between, never by dropping what is half done.
    let mut agent = match Agent::start(prepared, pins, &tasks, signals.ending()).await {
        Err(Error::Interrupted) => return end_start(signals.next().await, pins),
        started => started?,
    };
    service_manager::ready();
    let asked = agent.live_on(&mut signals, &mut supervisor).await?;
    service_manager::stopping();
    agent.probing.stop().await;
    orphans::end_all().await;
    if asked == Asked::HandOver {
        tracing::info!("handed over: the program stays attached for the next agent");
        return Ok(());
    }
    agent.program.stop()?;
    tracing::info!("stopped: the program is detached and the VIPs are no longer answered");
    Ok(())
}

/// How often counters are looked at for what an operator has to be told.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often the agent says that it lives, and looks whether the flow clock has to move.
const SECOND: Duration = Duration::from_secs(1);

struct Agent {
    state: State,
    program: Program,
    notifier: Notifier,
    file: ConfigFile,
    /// Ends the watching of the network when it is dropped.
    watcher: Handle,
    network: watch::Receiver<Network>,
    probing: Probing,
    commands: Commands,
    snapshots: watch::Sender<Arc<Snapshot>>,
    api: ApiListener,
    metrics_listener: MetricsListener,
    preflight: PreflightLog,
    tasks: Tasks,
    /// Whether the last change of the network could not be followed.
    unfollowed: bool,
}

impl Agent {
    /// Follows what happens until a signal ends it, or a task that is gone.
    async fn live_on(&mut self, signals: &mut Signals, supervisor: &mut Supervisor) -> Result<Asked, Error> {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        let mut seconds = tokio::time::interval(SECOND);
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let mut reply = None;
            tokio::select! {
                _ = looks.tick() => self.look(),
                _ = seconds.tick() => {
                    self.live();
                    self.probing.restore(&self.state, &self.program).await;
                }
                ended = supervisor.ended() => return Err(ended.into()),
                asked = signals.next() => match asked {
                    Asked::Reload => self.load(Why::Signal, None),
                    end => return Ok(end),
                },
                event = self.file.event() => match event? {
                    FileEvent::Changed => self.file_changed(),
                    FileEvent::Due => self.load(Why::Passed, None),
                    FileEvent::Loaded(loaded) => {
                        let Loaded { why, answers, read } = *loaded;
                        let maps = self.program.maps();
                        tokio::select! {
                            answer = self.reload(why, read) => reply = Some(reply_all(answers, answer)),
                            end = end_meanwhile(signals, &maps) => return Ok(end),
                        }
                    }
                },
                changed = self.network.changed() => match changed {
                    Ok(()) => self.network_changed(),
                    // The task that watches it says why.
                    Err(_) => return Err(supervisor.ended().await.into()),
                },
                () = self.probing.changed() => self.health_changed(),
                Some(command) = self.commands.recv() => reply = self.follow(command),
            }
            self.publish();
            // Who asks again then sees what was done.
            if let Some(reply) = reply {
                reply();
            }
        }
    }

    fn look(&mut self) {
        if let Err(error) = self.notifier.look_for_loops(&self.state, &self.program) {
            tracing::error!(%error, "counters cannot be read");
        }
        self.program.restore_pins();
        if self.program.retry_unattached(&self.state) {
            self.notifier.announce(&self.state, self.program.attached(&self.state));
        }
    }

    /// Says that this task is not hung.
    fn live(&mut self) {
        beat(&self.program.maps());
        self.program.advance(&self.state);
        if std::mem::take(&mut self.unfollowed)
            && let Err(error) = self.reconcile()
        {
            if !matches!(error, Error::Datapath(datapath::Error::Attach { .. })) {
                tracing::error!(%error, "a change could not be applied; retrying with the next one");
            }
            self.program.tell_of_unattached();
        }
    }

    fn network_changed(&mut self) {
        let network = self.network.borrow_and_update().clone();
        let (changed, followed) = self.observe(network);
        self.unfollowed = followed.is_err();
        if let Err(error) = followed {
            // An interface that is deleted is gone before the kernel has told of it.
            tracing::debug!(%error, "a network change could not be applied; retrying in a second");
        }
        self.probing.steer(&self.state, &self.program, &changed);
    }

    fn health_changed(&mut self) {
        if let Err(error) = self.apply_health() {
            // As with a network change: an interface may be gone before the kernel has told of it.
            self.unfollowed = true;
            tracing::debug!(%error, "health check results could not be applied; retrying in a second");
        }
    }
}

#[cfg(test)]
mod tests;
