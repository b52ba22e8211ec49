//! The start of an agent: first what can be dropped at any moment, then the program.

use std::path::Path;

use tokio::sync::watch;

use super::{
    Agent, Error,
    listeners::{
        api::{self, ApiListener},
        command,
        metrics::{self, MetricsListener},
    },
    notifier::{Notifier, PreflightLog, tell_turns},
    probing::Probing,
    program::{Ending, Program},
    publishing::snapshot_of,
    reload::{ConfigFile, warn_about},
    signals::Asked,
    state::State,
    watching::watch_network,
};
use crate::{
    api::Server,
    config::{self, Config, HostFacts, Watch},
    datapath::Pins,
    health::State as CheckState,
    model::Network,
    neighbour::Handle,
    tasks::Tasks,
};

/// What an agent starts from. Nothing is attached yet.
pub(super) struct Prepared {
    file: ConfigFile,
    config: Config,
    preflight: PreflightLog,
    metrics_listener: MetricsListener,
    metrics: metrics::Rebind,
    server: Option<Server>,
    watcher: Handle,
    network: watch::Receiver<Network>,
}

impl Prepared {
    /// Reads the file and the network, and opens the sockets.
    pub(super) async fn read(path: &Path, tasks: &Tasks) -> Result<Self, Error> {
        let watch = Watch::start(path).await;
        // Errors in the file are reported before errors in watching it.
        let config = config::load_on_host(path, &HostFacts::read().await?).await?;
        let file = ConfigFile::new(path.to_owned(), watch?, tasks);
        warn_about(&config);
        let preflight = PreflightLog::default();
        preflight.look(&config).await;
        let mut metrics_listener = MetricsListener::new(tasks);
        let metrics = metrics_listener.prepare(config.metrics).await?;
        let server = api::bind(config.api.as_deref()).await?;
        let (watcher, network) = watch_network(&config, tasks).await?;
        Ok(Self { file, config, preflight, metrics_listener, metrics, server, watcher, network })
    }
}

impl Agent {
    /// Balances. An interrupted start leaves what was there before.
    pub(super) async fn start(prepared: Prepared, pins: &Path, tasks: &Tasks, ending: Ending) -> Result<Self, Error> {
        let notifier = Notifier::start(tasks).map_err(Error::Announce)?;
        let mut state = State::new(prepared.config, prepared.network.borrow().clone());
        // Nothing is known of any backend: all but those of fallbacks are used.
        let turns = state.decide(|_| CheckState::Up);
        let program = Program::start(&state, pins, ending)?;
        tell_turns(&turns, &state);
        let probing = Probing::new(tasks);
        let snapshot = snapshot_of(&state, &program, &notifier, &probing, &prepared.file);
        let (snapshots, seen) = watch::channel(snapshot);
        let (commander, commands) = command::channel();
        let mut agent = Self {
            state,
            program,
            notifier,
            file: prepared.file,
            watcher: prepared.watcher,
            network: prepared.network,
            probing,
            commands,
            snapshots,
            api: ApiListener::new(seen.clone(), commander, tasks),
            metrics_listener: prepared.metrics_listener,
            preflight: prepared.preflight,
            tasks: tasks.clone(),
            unfollowed: false,
        };
        if let Err(error) = agent.begin().await {
            agent.program.roll_back_start();
            return Err(error);
        }
        agent.publish();
        agent.metrics_listener.serve(prepared.metrics, &seen);
        agent.api.take(api::Rebind::Move(prepared.server));
        Ok(agent)
    }

    /// Fills the tables, announces the VIPs and begins to check backends.
    async fn begin(&mut self) -> Result<(), Error> {
        self.reconcile()?;
        let config = &self.state.config;
        tracing::info!(
            interfaces = config.interfaces().join(","),
            vips = config.vips().len(),
            services = config.desired.services.len(),
            "balancing"
        );
        self.check_backends().await
    }
}

/// Ends a start that a signal interrupted. A predecessor's program goes on, or ends with the agent, as the signal asks.
pub(super) fn end_start(asked: Asked, pins: &Path) -> Result<(), Error> {
    if asked == Asked::Stop
        && let Some(pins) = Pins::find(pins)?
    {
        pins.remove()?;
    }
    tracing::info!("ended before it balanced");
    Ok(())
}
