//! The HTTP server of metrics and admin API: a bounded number of connections, none of which is held open by silence.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::Request,
    serve::Listener,
};
use hyper::{body::Frame, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt as _;

/// What a server takes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time. When there are more, the oldest that waits for a request is closed.
    pub connections: usize,
    /// How long the head of a request may take to come, on a connection that is kept open too.
    pub head: Duration,
    /// How long an answer may wait for its reader.
    pub write: Duration,
    /// How long a connection may last.
    pub age: Duration,
}

/// Answers connections for as long as it is polled. Connections that were taken outlive it by at most their age.
pub async fn serve<L: Listener>(mut listener: L, router: Router, limits: Limits) -> Infallible {
    let mut open: VecDeque<Open> = VecDeque::new();
    loop {
        // Where the kernel gives none, this waits and tries again.
        let (stream, _) = listener.accept().await;
        open.retain(|connection| !connection.task.is_finished());
        if open.len() >= limits.connections && !make_room(&mut open) {
            tracing::warn!(most = limits.connections, "connection refused: too many connections are open");
            continue;
        }
        let requests = Arc::default();
        let task = tokio::spawn(connection(stream, router.clone(), limits, Arc::clone(&requests)));
        open.push_back(Open { requests, task });
    }
}

/// A connection that was taken.
struct Open {
    /// Requests that are being answered on it.
    requests: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

/// Closes the oldest connection on which nothing is being answered, if there is one.
fn make_room(open: &mut VecDeque<Open>) -> bool {
    let idle = open.iter().position(|connection| connection.requests.load(Ordering::Acquire) == 0);
    let Some(closed) = idle.and_then(|index| open.remove(index)) else { return false };
    closed.task.abort();
    true
}

async fn connection(
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    router: Router,
    limits: Limits,
    requests: Arc<AtomicUsize>,
) {
    let service = service_fn(move |request| {
        let (router, answering) = (router.clone(), Answering::begin(&requests));
        async move { answer(router, request, answering).await }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(limits.head);
    // A reader that does not read would keep its place among the connections for as long as they last.
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.write));
    let mut connection = std::pin::pin!(server.serve_connection(TokioIo::new(Box::pin(stream)), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = sleep(limits.age) => {
            connection.as_mut().graceful_shutdown();
            timeout(limits.head, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn answer(
    router: Router,
    request: hyper::Request<hyper::body::Incoming>,
    answering: Answering,
) -> Result<axum::response::Response, Infallible> {
    let request: Request = request.map(Body::new);
    let response = router.oneshot(request).await?;
    Ok(response.map(|body| Body::new(Answer { body, _answering: answering })))
}

/// Counts a request for as long as its answer is not written.
struct Answering(Arc<AtomicUsize>);

impl Answering {
    fn begin(requests: &Arc<AtomicUsize>) -> Self {
        requests.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(requests))
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A body whose request counts until it is dropped.
struct Answer {
    body: Body,
    _answering: Answering,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::{io, net::SocketAddr};

    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    const LIMITS: Limits = Limits {
        connections: 8,
        head: Duration::from_secs(600),
        write: Duration::from_secs(600),
        age: Duration::from_secs(600),
    };

    async fn start(limits: Limits) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(async || "here")).route("/large", get(async || "x".repeat(32 << 20)));
        tokio::spawn(serve(listener, router, limits));
        address
    }

    async fn ask(stream: &mut TcpStream) -> io::Result<String> {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn idle_connections_give_way() {
        let address = start(LIMITS).await;
        let mut idle = Vec::new();
        for _ in 0..100 {
            idle.push(TcpStream::connect(address).await.unwrap());
        }
        let mut asks = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut asks).await.unwrap().ends_with("here"));
        // The first was closed, the last is open still.
        assert!(idle[0].read_u8().await.is_err());
        assert!(ask(idle.last_mut().unwrap()).await.unwrap().ends_with("here"));
    }

    #[tokio::test]
    async fn a_silent_connection_is_closed_after_a_while() {
        let address = start(Limits { head: Duration::from_millis(50), ..LIMITS }).await;
        let mut silent = TcpStream::connect(address).await.unwrap();
        assert!(silent.read_u8().await.is_err());
        let mut half = TcpStream::connect(address).await.unwrap();
        half.write_all(b"GET / HT").await.unwrap();
        let mut rest = Vec::new();
        half.read_to_end(&mut rest).await.unwrap();
        assert!(!rest.ends_with(b"here"));
    }
    #[tokio::test]
    async fn a_reader_that_does_not_read_is_closed_after_a_while() {
        let address = start(Limits { write: Duration::from_millis(100), ..LIMITS }).await;
        let mut deaf = Vec::new();
        for _ in 0..LIMITS.connections {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
            deaf.push(stream);
        }
        let answered = async {
            loop {
                let mut asks = TcpStream::connect(address).await.unwrap();
                if ask(&mut asks).await.is_ok_and(|answer| answer.ends_with("here")) {
                    break;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(10), answered).await.expect("their places are free again");
    }
}
