//! The start of an agent: first what can be dropped at any moment, then the program.

use std::path::{Path, PathBuf};

use tokio::sync::{mpsc, watch};

use super::{
    Agent, Error,
    balancer::Balancer,
    listeners::{
        api::{self, ApiListener},
        command,
        metrics::{self, MetricsListener},
    },
    notifier::preflight::PreflightLog,
    probing::Probing,
    reload::retry::Retry,
    signals::{Asked, Ending},
    watching::{watch_file, watch_network},
};
use crate::{
    api::Server,
    config::{self, Config, HostFacts, Marker, Watch},
    datapath::Pins,
    model::Network,
    neighbour::Handle,
    tasks::{Task, Tasks},
};

/// What an agent starts from. Nothing is attached yet.
pub(super) struct Prepared {
    path: PathBuf,
    config: Config,
    file: mpsc::Receiver<()>,
    file_watch: Task,
    marker: Marker,
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
        let file = Watch::start(path).await;
        // Errors in the file are reported before errors in watching it.
        let config = config::load_on_host(path, &HostFacts::read().await?).await?;
        let file = file?;
        let marker = file.marker();
        let (file, file_watch) = watch_file(file, tasks);
        warn_about(&config);
        let preflight = PreflightLog::default();
        preflight.look(&config).await;
        let mut metrics_listener = MetricsListener::new(tasks);
        let metrics = metrics_listener.prepare(config.metrics).await?;
        let server = api::bind(config.api.as_deref()).await?;
        let (watcher, network) = watch_network(&config, tasks).await?;
        let path = path.to_owned();
        Ok(Self {
            path,
            config,
            file,
            file_watch,
            marker,
            preflight,
            metrics_listener,
            metrics,
            server,
            watcher,
            network,
        })
    }
}

impl Agent {
    /// Balances. An interrupted start leaves what was there before.
    pub(super) async fn start(prepared: Prepared, pins: &Path, tasks: &Tasks, ending: Ending) -> Result<Self, Error> {
        let Prepared { path, config, file, file_watch, marker, preflight, watcher, network, .. } = prepared;
        let mut metrics_listener = prepared.metrics_listener;
        let observed = network.borrow().clone();
        let mut balancer = Balancer::start(config, observed, pins, tasks, ending)?;
        let mut probing = Probing::new(tasks);
        if let Err(error) = probing.follow(&mut balancer).await {
            balancer.roll_back_start();
            return Err(error);
        }
        let (snapshots, seen) = watch::channel(balancer.snapshot());
        let (commander, commands) = command::channel();
        metrics_listener.serve(prepared.metrics, &seen);
        let api = ApiListener::open(prepared.server, seen, commander, tasks);
        let (tasks, loading) = (tasks.clone(), None);
        Ok(Self {
            path,
            file,
            _file_watch: file_watch,
            marker,
            loading,
            watcher,
            network,
            balancer,
            snapshots,
            commands,
            metrics_listener,
            probing,
            api,
            tasks,
            preflight,
            retry: Retry::No,
            unfollowed: false,
        })
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

pub(super) fn warn_about(config: &Config) {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
}
