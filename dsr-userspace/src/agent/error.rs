//! Why the agent cannot start, or has to end.

use crate::{
    api,
    config::{self, Errors},
    datapath, metrics, neighbour, tasks,
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
    #[error("network monitoring stopped")]
    Blind,
    /// An interface that frames do not come in on.
    #[error("cannot attach to {0}: not an Ethernet interface; list one with a MAC in `interfaces`")]
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
    /// A task is there no more.
    #[error("{0}: a bug, or the host ran out of a resource; see the log above")]
    Task(#[from] tasks::Ended),
    /// The task that reads the file panicked.
    #[error("the task `configuration` ended: {0}")]
    Reader(String),
    /// A signal to end came while a plan was made. Nothing of the plan was applied.
    #[error("interrupted: the agent is ending")]
    Interrupted,
    /// Signals cannot be received.
    #[error("cannot receive signals: {0}")]
    Signals(std::io::Error),
}
