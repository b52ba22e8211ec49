//! Serves the metrics where the configuration wants them, and moves with it.

use std::{net::SocketAddr, sync::Arc};

use tokio::{net::TcpListener, sync::watch};

use crate::{
    agent::snapshot::Snapshot,
    metrics::{self, Error},
    tasks::{End, Task, Tasks},
};

/// The metrics' server. Dropping it ends it.
#[derive(Debug)]
pub(in crate::agent) struct MetricsListener {
    address: Option<SocketAddr>,
    task: Option<Task>,
    tasks: Tasks,
}

/// Where to serve from now on.
#[derive(Debug)]
pub(in crate::agent) enum Rebind {
    /// Where it is served already.
    Keep,
    /// Nowhere.
    Close,
    /// At this address, which the socket is bound to.
    Move(SocketAddr, TcpListener),
}

impl MetricsListener {
    /// Serves nowhere yet.
    pub(in crate::agent) fn new(tasks: &Tasks) -> Self {
        Self { address: None, task: None, tasks: tasks.clone() }
    }

    /// Makes a place of an address, for [`Self::serve`]. Where the old address has to be given up first, scrapes are
    /// refused until [`Self::serve`] or [`Self::restore`].
    pub(in crate::agent) async fn prepare(&mut self, address: Option<SocketAddr>) -> Result<Rebind, Error> {
        if address == self.address {
            return Ok(Rebind::Keep);
        }
        let Some(wanted) = address else { return Ok(Rebind::Close) };
        let listener = match metrics::bind(wanted).await {
            // 0.0.0.0 in place of an address, or the other way round.
            Err(Error::InUse(_)) if self.address.is_some_and(|own| own.port() == wanted.port()) => {
                self.pause().await;
                metrics::bind(wanted).await
            }
            listener => listener,
        };
        Ok(Rebind::Move(wanted, listener?))
    }

    /// Serves at that place, and no longer where it did.
    pub(in crate::agent) fn serve(&mut self, place: Rebind, snapshots: &watch::Receiver<Arc<Snapshot>>) {
        match place {
            Rebind::Keep => {}
            Rebind::Close => (self.address, self.task) = (None, None),
            Rebind::Move(address, listener) => {
                let task = self.tasks.spawn("metrics", answer(listener, snapshots.clone()));
                (self.address, self.task) = (Some(address), Some(task));
            }
        }
    }

    /// Serves again where it did, if [`Self::prepare`] had to give that up.
    pub(in crate::agent) async fn restore(&mut self, snapshots: &watch::Receiver<Arc<Snapshot>>) {
        let (None, Some(address)) = (&self.task, self.address) else { return };
        match metrics::bind(address).await {
            Ok(listener) => self.serve(Rebind::Move(address, listener), snapshots),
            Err(error) => {
                tracing::error!(%error, "the metrics endpoint stopped");
                self.address = None;
            }
        }
    }

    /// Closes the socket.
    async fn pause(&mut self) {
        if let Some(task) = self.task.take() {
            task.stop().await;
        }
    }
}

async fn answer(listener: TcpListener, snapshots: watch::Receiver<Arc<Snapshot>>) -> End {
    // The channel is free again before the counters are read.
    let snapshot = move || Arc::clone(&snapshots.borrow());
    metrics::serve(listener, move || snapshot().report()).await;
    End::Failed("the server ended".to_owned())
}
