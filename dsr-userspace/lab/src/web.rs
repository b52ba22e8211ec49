//! The backends' HTTP server: answers every request with the backend's name.

use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread,
};

use http_body_util::Full;
use hyper::{Response, body::Bytes, header, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{sync::oneshot, task::AbortHandle};

use super::{
    error::{Doing, Result},
    net::Namespace,
};

/// Serves all backends' sites from one thread: a listening socket stays in the namespace that it was made in.
///
/// Dropping it closes the sockets.
#[derive(Debug)]
pub(super) struct Web {
    end: Option<oneshot::Sender<Infallible>>,
    thread: Option<thread::JoinHandle<()>>,
    sites: Vec<(Arc<str>, AbortHandle)>,
}

/// A backend's name and where it listens.
#[derive(Debug)]
pub(super) struct Site {
    name: Arc<str>,
    listeners: Vec<TcpListener>,
}

impl Site {
    /// Listens at `addresses` in `namespace`, to answer as `name`.
    pub(super) fn listen(namespace: &Namespace, name: &str, addresses: &[SocketAddr]) -> Result<Self> {
        let listeners = namespace.run(|| addresses.iter().copied().map(listen).collect::<Result<_>>())??;
        Ok(Self { name: name.into(), listeners })
    }
}

impl Web {
    /// Starts to answer.
    pub(super) fn start(sites: Vec<Site>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.doing(|| "start a tokio runtime")?;
        let (end, ended) = oneshot::channel();
        let mut running = Vec::new();
        for site in sites {
            for listener in site.listeners {
                let _guard = runtime.enter();
                let listener = tokio::net::TcpListener::from_std(listener).doing(|| "watch a listening socket")?;
                let task = runtime.spawn(serve(listener, site.name.clone()));
                running.push((site.name.clone(), task.abort_handle()));
            }
        }
        // Leaving it drops the runtime, and with it every socket.
        let run = move || drop(runtime.block_on(ended));
        let thread = thread::Builder::new().name("lab-web".into()).spawn(run).doing(|| "start a thread")?;
        Ok(Self { end: Some(end), thread: Some(thread), sites: running })
    }

    /// Stops to listen as `name`.
    pub(super) fn stop(&self, name: &str) {
        self.sites.iter().filter(|(site, _)| **site == *name).for_each(|(_, task)| task.abort());
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        drop(self.end.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::warn!("the lab's HTTP server panicked");
        }
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener> {
    let listener = TcpListener::bind(address).and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
    listener.doing(|| format!("listen at {address}"))
}

async fn serve(listener: tokio::net::TcpListener, name: Arc<str>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(answer(stream, name.clone()))),
            // Of one connection (accept(2) passes on its pending errors), or no file descriptor is free for a while.
            Err(error) => pause(&listener, &error).await,
        }
    }
}

async fn pause(listener: &tokio::net::TcpListener, error: &io::Error) {
    let address: Option<SocketAddr> = listener.local_addr().ok();
    tracing::warn!(%error, ?address, "cannot accept a connection");
    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
}

/// One request a connection: this side closes, so the connection's `TIME_WAIT` is here and the client's port is free.
async fn answer(stream: tokio::net::TcpStream, name: Arc<str>) {
    let respond = service_fn(|_request| {
        let response = Response::builder()
            .header("X-Backend", &*name)
            .header(header::CONTENT_TYPE, "text/plain")
            .body(Full::new(Bytes::from(format!("{name}\n"))));
        async move { response }
    });
    let mut http = http1::Builder::new();
    let connection = http.timer(TokioTimer::new()).keep_alive(false).serve_connection(TokioIo::new(stream), respond);
    if let Err(error) = connection.await {
        tracing::debug!(%error, backend = &*name, "a connection broke");
    }
}
