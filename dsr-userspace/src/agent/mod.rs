//! The agent: keeps the program's tables equal to what the file wants and the network allows, until it is told to stop.
//!
//! One task owns all state. What happens (the file changes, the network changes, a signal) reaches it as an event; it
//! answers each with one idempotent reconciliation.

mod balancer;
mod loops;
mod reach;
mod report;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::JoinHandle,
};

use self::balancer::Balancer;
use crate::{
    config::{self, Config, Errors, HostFacts, Watch},
    datapath, metrics,
    model::Network,
    neighbour::{self, Handle, Watcher},
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
    /// The kernel refused something.
    #[error(transparent)]
    Datapath(#[from] datapath::Error),
    /// A table is full although it was built for this configuration.
    #[error("{0} although it was sized for this configuration")]
    Full(#[from] crate::reconcile::Full),
    /// Nothing can listen at the metrics' address.
    #[error(transparent)]
    Metrics(#[from] metrics::Error),
    /// Gratuitous ARP cannot be sent.
    #[error("cannot announce VIPs: {0}")]
    Announce(std::io::Error),
    /// Signals cannot be received.
    #[error("cannot receive signals: {0}")]
    Signals(std::io::Error),
}

/// Runs the agent of the current network namespace until SIGINT or SIGTERM; then the program is detached.
pub async fn run(file: &Path) -> Result<(), Error> {
    let mut signals = Signals::new().map_err(Error::Signals)?;
    let mut agent = tokio::select! {
        agent = Agent::start(file) => agent?,
        () = signals.stopped() => return Ok(()),
    };
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            _ = looks.tick() => agent.look(),
            asked = signals.next() => match asked {
                Asked::Stop => break,
                Asked::Reload => agent.reload("SIGHUP").await,
            },
            () = agent.file.changed() => agent.reload("the file changed").await,
            changed = agent.network.changed() => {
                changed.map_err(|_| Error::Blind)?;
                agent.network_changed();
            }
        }
    }
    tracing::info!("stopped: the program is detached and the VIPs are no longer answered");
    Ok(())
}

/// How often counters are looked at for what an operator has to be told.
const LOOK_EVERY: Duration = Duration::from_secs(5);

struct Agent {
    path: PathBuf,
    file: Watch,
    /// Ends the watching of the network when it is dropped.
    watcher: Handle,
    network: watch::Receiver<Network>,
    balancer: Arc<Mutex<Balancer>>,
    metrics: Option<Server>,
}

impl Agent {
    async fn start(path: &Path) -> Result<Self, Error> {
        let file = Watch::new(path)?;
        let config = config::load_on_host(path, &HostFacts::read().await?)?;
        warn_about(&config);
        let listener = Server::bind(&config).await?;
        let (watcher, network) = watch_network(&config).await?;
        let balancer = Balancer::start(config, network.borrow().clone())?;
        let balancer = Arc::new(Mutex::new(balancer));
        let metrics = listener.map(|listener| Server::start(listener, &balancer));
        Ok(Self { path: path.to_owned(), file, watcher, network, balancer, metrics })
    }

    fn look(&self) {
        if let Err(error) = lock(&self.balancer).look_for_loops() {
            tracing::error!(%error, "counters cannot be read");
        }
    }

    fn network_changed(&mut self) {
        let network = self.network.borrow_and_update().clone();
        if let Err(error) = lock(&self.balancer).observe(network) {
            tracing::error!(%error, "a change of the network could not be followed; the next one is tried again");
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
        let config = config::load_on_host(&self.path, &facts)?;
        warn_about(&config);
        let (metrics, same_interfaces) = {
            let balancer = lock(&self.balancer);
            (balancer.config().metrics, balancer.config().interfaces() == config.interfaces())
        };
        let listener = if metrics == config.metrics { None } else { Some(Server::bind(&config).await?) };
        if same_interfaces {
            self.watcher.set_backends(config.desired.backend_addresses());
            lock(&self.balancer).adopt(config, None)?;
        } else {
            let (watcher, network) = watch_network(&config).await?;
            let seen = network.borrow().clone();
            lock(&self.balancer).adopt(config, Some(seen))?;
            (self.watcher, self.network) = (watcher, network);
        }
        if let Some(listener) = listener {
            self.metrics = listener.map(|listener| Server::start(listener, &self.balancer));
        }
        Ok(())
    }
}

/// The metrics server's task; ends when it is dropped.
struct Server(JoinHandle<()>);

impl Server {
    async fn bind(config: &Config) -> Result<Option<TcpListener>, Error> {
        let Some(address) = config.metrics else { return Ok(None) };
        Ok(Some(metrics::bind(address).await?))
    }

    fn start(listener: TcpListener, balancer: &Arc<Mutex<Balancer>>) -> Self {
        let balancer = Arc::clone(balancer);
        Self(tokio::spawn(async move {
            if let Err(error) = metrics::serve(listener, move || lock(&balancer).report()).await {
                tracing::error!(%error, "metrics are not served any more");
            }
        }))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts to watch the network and waits for the first look at it.
async fn watch_network(config: &Config) -> Result<(Handle, watch::Receiver<Network>), Error> {
    let (watcher, mut network) = Watcher::start(config.interfaces())?;
    watcher.set_backends(config.desired.backend_addresses());
    network.changed().await.map_err(|_| Error::Blind)?;
    network.mark_unchanged();
    Ok((watcher, network))
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

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.hang_up.recv() => Asked::Reload,
        }
    }

    /// Waits for the signal to stop; there is nothing to read again yet.
    async fn stopped(&mut self) {
        while let Asked::Reload = self.next().await {}
    }
}

/// What a signal asks for.
enum Asked {
    Stop,
    Reload,
}
