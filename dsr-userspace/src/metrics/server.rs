//! Serves the exposition over HTTP.

use std::{
    convert::Infallible,
    fmt::{self, Display},
    io,
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use prometheus_client::collector::Collector;
use tokio::{net::TcpListener, task::spawn_blocking};

use super::exposition;
use crate::http::{self, Limits};

/// Why metrics cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process listens there.
    #[error("`metrics`: {0} is in use by another process; stop that one or choose another port")]
    InUse(SocketAddr),
    /// The address is none of this node's.
    #[error("`metrics`: {} is not an address of this node; choose one that is, or 0.0.0.0", .0.ip())]
    NotHere(SocketAddr),
    /// The port is for those who have a capability that this process does not have.
    #[error(
        "`metrics`: port {} needs CAP_NET_BIND_SERVICE: choose a port from 1024, or give the agent the capability",
        .0.port()
    )]
    Privileged(SocketAddr),
    /// Something else.
    #[error("`metrics`: cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Listens for scrapes in the calling thread's network namespace.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => Error::InUse(address),
        io::ErrorKind::PermissionDenied => Error::Privileged(address),
        io::ErrorKind::AddrNotAvailable => Error::NotHere(address),
        _ => Error::Listen { address, source },
    })
}

/// Answers `GET /metrics`, each time with a snapshot made for it, until the future is dropped.
///
/// `snapshot` may block. Where it fails, the scrape fails with its reason.
pub async fn serve<S: Collector + Send + 'static, E: Display + Send + 'static>(
    listener: TcpListener,
    snapshot: impl Fn() -> Result<S, E> + Send + Sync + 'static,
) -> Infallible {
    let snapshot = Arc::new(snapshot);
    let metrics = move || {
        let snapshot = Arc::clone(&snapshot);
        async move {
            // Writing it takes a while too where there are many members.
            match spawn_blocking(move || snapshot().map(exposition)).await {
                Ok(Ok(response)) => response,
                Ok(Err(error)) => failure(&error),
                Err(panic) => failure(&panic),
            }
        }
    };
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/", get(async || Html(INDEX)))
        .fallback(async || (StatusCode::NOT_FOUND, "not found; metrics are at /metrics\n"));
    http::serve(listener, router, LIMITS).await
}

fn exposition(snapshot: impl Collector) -> Response {
    match exposition::encode(snapshot) {
        Ok(text) => ([(header::CONTENT_TYPE, exposition::CONTENT_TYPE)], text).into_response(),
        Err(fmt::Error) => failure(&"the exposition cannot be written"),
    }
}

fn failure(reason: &dyn Display) -> Response {
    tracing::warn!(%reason, "a scrape failed");
    (StatusCode::INTERNAL_SERVER_ERROR, format!("no metrics: {reason}\n")).into_response()
}

/// A Prometheus keeps one connection open and asks once a minute or more often.
const LIMITS: Limits = Limits {
    connections: 64,
    head: Duration::from_secs(120),
    write: Duration::from_secs(10),
    age: Duration::from_secs(3600),
};

const INDEX: &str = "<!doctype html><title>dsr</title><h1>dsr</h1><p><a href=\"/metrics\">Metrics</a></p>\n";
