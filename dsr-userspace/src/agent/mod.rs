//! The agent: keeps the program's tables equal to what the file wants and the network allows, until it is told to stop.
//!
//! One task owns all state. What happens (the file changes, the network changes, a signal) reaches it as an event; it
//! answers each with one idempotent reconciliation.

mod balancer;
mod carried;
mod desk;
mod explain;
mod exporter;
mod interfaces;
mod judging;
mod loops;
mod preview;
mod probing;
mod reach;
mod report;
mod say;
mod scene;
mod settling;
mod signals;
mod status;
mod trace;
mod wish;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::MissedTickBehavior};

use self::{
    balancer::Balancer,
    desk::Desk,
    exporter::Exporter,
    probing::Probing,
    signals::{Asked, Signals},
};
use crate::{
    api,
    config::{self, Config, Errors, HostFacts, Watch},
    datapath, health, metrics,
    model::{Network, NoHop, Reach},
    neighbour::{self, Handle, Watcher},
    preflight,
};

/// Why the agent cannot start, or has to end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file has errors, or contradicts this host. Nothing was touched.
    #[error("{0}")]
    Config(#[from] Errors),
    /// The host's interfaces and addresses could not be read.
    #[error(transparent)]
    Facts(#[from] config::FactsError),
    /// The file cannot be watched.
    #[error(transparent)]
    Watch(#[from] config::WatchError),
    /// The network cannot be watched.
    #[error(transparent)]
    Neighbour(#[from] neighbour::Error),
    /// The watching of the network ended; why is in the log.
    #[error("the network is not watched any more")]
    Blind,
    /// An interface that frames do not come in on.
    #[error("cannot attach to {0}: it is no Ethernet interface; write one in `interfaces` that has a MAC")]
    NotEthernet(String),
    /// The kernel refused something.
    #[error(transparent)]
    Datapath(#[from] datapath::Error),
    /// A table is full although it was built for this configuration.
    #[error("{0} although it was sized for this configuration")]
    Full(#[from] crate::reconcile::Full),
    /// There is no such backend.
    #[error("the pool {pool} has no backend {backend}")]
    NoBackend {
        /// The pool that was named.
        pool: String,
        /// The backend that was named.
        backend: String,
    },
    /// Nothing can listen at the metrics' address.
    #[error(transparent)]
    Metrics(#[from] metrics::Error),
    /// Nothing can listen on the admin API's socket.
    #[error(transparent)]
    Api(#[from] api::Error),
    /// Gratuitous ARP cannot be sent.
    #[error("cannot announce VIPs: {0}")]
    Announce(std::io::Error),
    /// Health probes cannot be led to their backends.
    #[error(transparent)]
    Probe(#[from] health::link::LinkError),
    /// Signals cannot be received.
    #[error("cannot receive signals: {0}")]
    Signals(std::io::Error),
}

/// Runs the agent of the current network namespace, which keeps what outlives it in the directory `pins`, until SIGINT or
/// SIGTERM: then the program is detached; or until SIGUSR1: then it is left to the next agent.
pub async fn run(file: &Path, pins: &Path) -> Result<(), Error> {
    let mut signals = Signals::new().map_err(Error::Signals)?;
    let mut agent = tokio::select! {
        agent = Agent::start(file, pins) => agent?,
        () = signals.stopped() => return Ok(()),
    };
    let mut looks = tokio::time::interval(LOOK_EVERY);
    let mut seconds = tokio::time::interval(SECOND);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = looks.tick() => agent.look(),
            _ = seconds.tick() => agent.live(),
            asked = signals.next() => match asked {
                Asked::Stop => break,
                Asked::HandOver => {
                    agent.probing.stop().await;
                    tracing::info!("handed over: the program stays attached for the next agent");
                    return Ok(());
                }
                Asked::Reload => agent.reload("SIGHUP").await,
            },
            () = agent.file.changed() => agent.reload("the file changed").await,
            changed = agent.network.changed() => {
                changed.map_err(|_| Error::Blind)?;
                agent.network_changed();
            }
            () = agent.probing.changed() => agent.health_changed(),
        }
    }
    agent.probing.stop().await;
    lock(&agent.balancer).stop()?;
    tracing::info!("stopped: the program is detached and the VIPs are no longer answered");
    Ok(())
}

/// How long backends are waited for before the first plan: more than one question's time (`retrans_time_ms`).
const FIRST_ANSWERS: Duration = Duration::from_millis(1200);
/// How often counters are looked at for what an operator has to be told.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often the agent says that it lives, and looks whether the flow clock has to move.
const SECOND: Duration = Duration::from_secs(1);

struct Agent {
    path: PathBuf,
    file: Watch,
    /// Ends the watching of the network when it is dropped.
    watcher: Handle,
    network: watch::Receiver<Network>,
    balancer: Arc<Mutex<Balancer>>,
    exporter: Exporter,
    probing: Probing,
    desk: Desk,
}

impl Agent {
    async fn start(path: &Path, pins: &Path) -> Result<Self, Error> {
        let file = Watch::new(path)?;
        let config = config::load_on_host(path, &HostFacts::read().await?).await?;
        warn_about(&config);
        look_before(&config).await;
        let mut exporter = Exporter::default();
        let place = exporter.prepare(config.metrics).await?;
        let server = desk::bind(config.api.as_deref()).await?;
        let (watcher, network) = watch_network(&config).await?;
        let balancer = Balancer::start(config, network.borrow().clone(), pins)?;
        let balancer = Arc::new(Mutex::new(balancer));
        exporter.serve(place, &balancer);
        let mut probing = Probing::default();
        if let Err(error) = probing.follow(&balancer).await {
            lock(&balancer).give_up();
            return Err(error);
        }
        let desk = Desk::open(server, &balancer);
        Ok(Self { path: path.to_owned(), file, watcher, network, balancer, exporter, probing, desk })
    }

    fn look(&self) {
        if let Err(error) = lock(&self.balancer).look_for_loops() {
            tracing::error!(%error, "counters cannot be read");
        }
    }

    /// Says that this task is not hung.
    fn live(&self) {
        let mut balancer = lock(&self.balancer);
        balancer.datapath.beat();
        balancer.settle();
    }

    fn network_changed(&mut self) {
        let network = self.network.borrow_and_update().clone();
        let mut balancer = lock(&self.balancer);
        if let Err(error) = balancer.observe(network) {
            tracing::error!(%error, "a change of the network could not be followed; the next one is tried again");
        }
        self.probing.steer(&balancer);
    }

    fn health_changed(&mut self) {
        if let Err(error) = lock(&self.balancer).assess() {
            tracing::error!(%error, "what checks found could not be followed; the next change is tried again");
        }
    }

    async fn reload(&mut self, why: &str) {
        let result = self.try_reload().await;
        let mut balancer = lock(&self.balancer);
        balancer.count_reload(result.is_ok());
        match result {
            Ok(()) => tracing::info!(file = %self.path.display(), "reloaded: {why}"),
            Err(Error::Config(errors)) => {
                for problem in errors.problems() {
                    tracing::error!("{problem}");
                }
                tracing::error!("not reloaded ({why}): everything stays as it was");
            }
            Err(error) => tracing::error!(%error, "not reloaded ({why}): everything stays as it was"),
        }
    }

    async fn try_reload(&mut self) -> Result<(), Error> {
        let facts = HostFacts::read().await?;
        let config = config::load_on_host(&self.path, &facts).await?;
        warn_about(&config);
        let same_interfaces = lock(&self.balancer).config().interfaces() == config.interfaces();
        let network = if same_interfaces { None } else { Some(watch_network(&config).await?) };
        let seat = self.desk.prepare(config.api.as_deref()).await?;
        let prepared = self.exporter.prepare(config.metrics).await.map_err(Error::Metrics);
        match prepared.and_then(|place| self.adopt(config, network).map(|()| place)) {
            Ok(place) => {
                self.exporter.serve(place, &self.balancer);
                self.desk.take(seat);
            }
            Err(error) => {
                self.exporter.restore(&self.balancer).await;
                return Err(error);
            }
        }
        self.probing.follow(&self.balancer).await
    }

    /// Takes over the configuration, and where it has other interfaces, the network as they show it.
    fn adopt(&mut self, config: Config, network: Option<(Handle, watch::Receiver<Network>)>) -> Result<(), Error> {
        let mut balancer = lock(&self.balancer);
        let Some((watcher, network)) = network else {
            self.watcher.set_backends(config.neighbour_addresses());
            return balancer.adopt(config, None).inspect_err(|_| {
                self.watcher.set_backends(balancer.config().neighbour_addresses());
            });
        };
        let seen = network.borrow().clone();
        balancer.adopt(config, Some(seen))?;
        (self.watcher, self.network) = (watcher, network);
        Ok(())
    }
}

/// Starts to watch the network and waits for the first look at it.
async fn watch_network(config: &Config) -> Result<(Handle, watch::Receiver<Network>), Error> {
    let (watcher, mut network) = Watcher::start(config.interfaces())?;
    let backends = config.neighbour_addresses();
    watcher.set_backends(backends.clone());
    network.changed().await.map_err(|_| Error::Blind)?;
    // The first look may have been before the backends were named.
    let is_whole = |network: &Network| backends.iter().all(|address| network.reach.contains_key(address));
    network.wait_for(is_whole).await.map_err(|_| Error::Blind)?;
    // Nobody looked after the neighbours before: those that are there answer at once. Without them their slots, which
    // another agent may have left, would go to others and come back.
    let hosts = config.desired.backend_addresses();
    let are_found = |network: &Network| !hosts.iter().any(|address| network.reach.get(address).is_some_and(is_silent));
    let found = tokio::time::timeout(FIRST_ANSWERS, network.wait_for(are_found)).await.map(|seen| seen.map(drop));
    if let Ok(Err(_)) = found {
        return Err(Error::Blind);
    }
    let seen = network.borrow_and_update().clone();
    match config.interfaces().into_iter().find(|name| !seen.interfaces.contains_key(name)) {
        Some(interface) => Err(Error::NotEthernet(interface)),
        None => Ok((watcher, network)),
    }
}

const fn is_silent(reach: &Reach) -> bool {
    matches!(reach, Reach::No(NoHop::NoNeighbour(_)))
}

/// Says what of the interfaces is not as the program needs it. The kernel has the last word: none of it ends the start.
async fn look_before(config: &Config) {
    for finding in preflight::run(config).await {
        tracing::warn!("{finding}");
    }
}

fn warn_about(config: &Config) {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
}

fn lock(balancer: &Mutex<Balancer>) -> std::sync::MutexGuard<'_, Balancer> {
    // The kernel's tables are the truth and are read anew each time: a panic elsewhere leaves nothing half done here.
    balancer.lock().unwrap_or_else(PoisonError::into_inner)
}
