//! Serves the metrics where the configuration wants them, and moves with it.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{net::TcpListener, task::JoinHandle};

use super::{balancer::Balancer, lock};
use crate::metrics::{self, Error};

/// The metrics' server. Dropping it ends it.
#[derive(Debug, Default)]
pub(super) struct Exporter {
    address: Option<SocketAddr>,
    task: Option<JoinHandle<()>>,
}

/// Where to serve from now on.
#[derive(Debug)]
pub(super) enum Place {
    /// Where it is served already.
    Same,
    /// Nowhere.
    Nowhere,
    /// At this address, which the socket is bound to.
    At(SocketAddr, TcpListener),
}

impl Exporter {
    /// Makes a place of an address, for [`Self::serve`]. Where the old address has to be given up first, scrapes are
    /// refused until [`Self::serve`] or [`Self::restore`].
    pub(super) async fn prepare(&mut self, address: Option<SocketAddr>) -> Result<Place, Error> {
        if address == self.address {
            return Ok(Place::Same);
        }
        let Some(wanted) = address else { return Ok(Place::Nowhere) };
        let listener = match metrics::bind(wanted).await {
            // 0.0.0.0 in place of an address, or the other way round.
            Err(Error::InUse(_)) if self.address.is_some_and(|own| own.port() == wanted.port()) => {
                self.pause().await;
                metrics::bind(wanted).await
            }
            listener => listener,
        };
        Ok(Place::At(wanted, listener?))
    }

    /// Serves at that place, and no longer where it did.
    pub(super) fn serve(&mut self, place: Place, balancer: &Arc<Mutex<Balancer>>) {
        match place {
            Place::Same => {}
            Place::Nowhere => *self = Self::default(),
            Place::At(address, listener) => {
                let task = tokio::spawn(answer(listener, Arc::clone(balancer)));
                *self = Self { address: Some(address), task: Some(task) };
            }
        }
    }

    /// Serves again where it did, if [`Self::prepare`] had to give that up.
    pub(super) async fn restore(&mut self, balancer: &Arc<Mutex<Balancer>>) {
        let (None, Some(address)) = (&self.task, self.address) else { return };
        match metrics::bind(address).await {
            Ok(listener) => self.serve(Place::At(address, listener), balancer),
            Err(error) => {
                tracing::error!(%error, "metrics are not served any more");
                self.address = None;
            }
        }
    }

    /// Closes the socket.
    async fn pause(&mut self) {
        self.end();
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }

    fn end(&self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.end();
    }
}

async fn answer(listener: TcpListener, balancer: Arc<Mutex<Balancer>>) {
    if let Err(error) = metrics::serve(listener, move || lock(&balancer).report()).await {
        tracing::error!(%error, "metrics are not served any more");
    }
}
