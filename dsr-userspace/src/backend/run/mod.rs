//! The agent of a backend: holds the VIPs, attaches the program that ends the balancers' tunnels, follows this host's
//! addresses and links, serves metrics.
//!
//! [`run`] ends by a signal. SIGINT and SIGTERM undo everything: the program is detached, then the VIPs are removed.
//! SIGUSR1 leaves everything for the next agent, which takes it over without a gap.

mod error;
mod hold;
mod host;
mod metrics;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    time::MissedTickBehavior,
};

pub use self::error::Error;
use self::{
    hold::Holder,
    host::{Host, Seen},
    metrics::View,
};
use crate::{
    config::{BackendConfig, load_backend},
    datapath::{BackendProgram, Mode, Pins},
    metrics as endpoint, service_manager,
    tasks::{Supervisor, Task, Tasks},
};

/// Default path of the record of the VIPs' set-up.
pub const DEFAULT_STATE: &str = "/run/dsr-backend/run";
/// How often the agent says that it lives.
const SECOND: Duration = Duration::from_secs(1);

/// Where an agent keeps what outlives it.
#[derive(Clone, Debug)]
pub struct Options {
    /// Directory for links and counters, on a BPF file system.
    pub pins: PathBuf,
    /// Directory for the record of what was set up on this host.
    pub state: PathBuf,
}

/// Runs the agent of the current network namespace until a signal ends it.
///
/// # Errors
/// What keeps it from starting, or from going on.
pub async fn run(file: &Path, options: &Options) -> Result<(), Error> {
    let mut signals = Signals::new().map_err(Error::Signals)?;
    let config = load_backend(file)?;
    let holder = Holder::new(&options.state)?;
    let mut supervisor = Supervisor::new();
    let mut agent = Agent::start(&config, holder, options, &supervisor.tasks()).await?;
    service_manager::ready();
    let mut seconds = tokio::time::interval(SECOND);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let asked = loop {
        tokio::select! {
            asked = signals.next() => match asked {
                Asked::Reload => tracing::warn!("SIGHUP is ignored: restart the agent to apply a changed file"),
                asked => break asked,
            },
            changed = agent.host.changed() => {
                changed?;
                agent.follow(&config).await?;
            }
            _ = seconds.tick() => service_manager::alive(),
            ended = supervisor.ended() => return Err(Error::Task(ended)),
        }
    };
    service_manager::stopping();
    if asked == Asked::HandOver {
        tracing::info!("handed over: the program stays attached for the next agent");
        return Ok(());
    }
    agent.program.remove()?;
    agent.holder.release_all().await?;
    tracing::info!("stopped: the program is detached and the VIPs that it held are removed");
    Ok(())
}

/// Removes what an agent left that did not end well: the program, its pins, and what was set up on this host.
///
/// # Errors
/// What could not be removed.
pub async fn undo(options: &Options) -> Result<(), Error> {
    let holder = Holder::new(&options.state)?;
    if let Some(pins) = Pins::find(&options.pins)? {
        pins.remove()?;
    }
    holder.release_all().await
}

struct Agent {
    program: BackendProgram,
    holder: Holder,
    host: Host,
    /// Serves metrics for as long as it is held.
    metrics: Option<(Arc<View>, Task)>,
}

impl Agent {
    async fn start(config: &BackendConfig, holder: Holder, options: &Options, tasks: &Tasks) -> Result<Self, Error> {
        let host = Host::open()?;
        let seen = host.look().await?;
        interfaces(config, &seen)?;
        let listener = match config.metrics {
            Some(address) => Some(endpoint::bind(address).await?),
            None => None,
        };
        let pins = Pins::open(&options.pins)?;
        let is_first = !pins.has_links();
        match Self::attach_all(config, holder, (host, &seen), pins, (listener, tasks)).await {
            Err(error) if is_first => {
                // Nothing worked before, so nothing is to be left.
                undo(options).await?;
                Err(error)
            }
            started => started,
        }
    }

    /// Holds the VIPs, then attaches the program: no packet for a VIP is to reach a host that would forward it.
    async fn attach_all(
        config: &BackendConfig,
        holder: Holder,
        (host, seen): (Host, &Seen),
        pins: Pins,
        (listener, tasks): (Option<TcpListener>, &Tasks),
    ) -> Result<Self, Error> {
        holder.hold(if config.hold_vips { &config.tunnels.vips } else { &[] }).await?;
        let mut program = BackendProgram::load(&config.tunnels, Some(pins))?;
        program.set_own(&seen.addresses)?;
        let interfaces = interfaces(config, seen)?;
        program.take_over(&interfaces)?;
        let metrics = match listener {
            Some(listener) => Some(serve(&mut program, listener, tasks)?),
            None => None,
        };
        let mut agent = Self { program, holder, host, metrics };
        for (name, ifindex) in &interfaces {
            agent.attach(name, *ifindex)?;
        }
        Ok(agent)
    }

    /// Follows a change of addresses or links. An interface that was made anew gets the program; one that refuses it is
    /// logged, because the others go on.
    async fn follow(&mut self, config: &BackendConfig) -> Result<(), Error> {
        let seen = self.host.look().await?;
        self.program.set_own(&seen.addresses)?;
        for name in &config.interfaces {
            let Some(ifindex) = seen.links.get(name).copied() else { continue };
            if !self.program.is_attached(name, ifindex)
                && let Err(error) = self.attach(name, ifindex)
            {
                tracing::error!("{error}");
            }
        }
        Ok(())
    }

    fn attach(&mut self, name: &str, ifindex: u32) -> Result<(), Error> {
        match self.program.attach(name, ifindex)? {
            Mode::Native => tracing::info!(interface = name, "attached natively"),
            Mode::Generic => tracing::warn!(
                interface = name,
                "attached in generic mode, because the driver has no native XDP: packets cost more CPU time"
            ),
        }
        if let Some((view, _)) = &self.metrics {
            view.set_attached(self.program.attached());
        }
        Ok(())
    }
}

fn serve(program: &mut BackendProgram, listener: TcpListener, tasks: &Tasks) -> Result<(Arc<View>, Task), Error> {
    let view = Arc::new(View::new(program.counters()?));
    let served = Arc::clone(&view);
    let task =
        tasks.spawn("metrics", async move { match endpoint::serve(listener, move || served.snapshot()).await {} });
    Ok((view, task))
}

/// The configured interfaces with their indices.
fn interfaces(config: &BackendConfig, seen: &Seen) -> Result<BTreeMap<String, u32>, Error> {
    let found = |name: &String| {
        let missing = || Error::NoInterface(name.clone(), seen.links.keys().cloned().collect());
        seen.links.get(name).map(|ifindex| (name.clone(), *ifindex)).ok_or_else(missing)
    };
    config.interfaces.iter().map(found).collect()
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Stop,
    HandOver,
    Reload,
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    hand_over: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            hand_over: signal(SignalKind::user_defined1())?,
        })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.hang_up.recv() => Asked::Reload,
            _ = self.hand_over.recv() => Asked::HandOver,
        }
    }
}
