//! One HTTP/1.1 request on a connection of its own, in the network namespace of the calling thread.

use std::{io, net::SocketAddr, time::Duration};

use http_body_util::{BodyExt, Empty};
use hyper::{Request, StatusCode, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time};

/// An answer that came in whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No connection.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// A connection, but no whole answer.
    #[error("the connection broke: {0}")]
    Exchange(#[from] hyper::Error),
    /// No whole answer in time.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// An answer, but not the one that was expected.
    #[error("unexpected answer: {0}")]
    Unexpected(String),
}

/// Gets `path` from `address`, all within `timeout`.
pub async fn get(address: SocketAddr, path: &str, timeout: Duration) -> Result<Answer, Failure> {
    time::timeout(timeout, exchange(address, path)).await.unwrap_or(Err(Failure::Timeout(timeout)))
}

async fn exchange(address: SocketAddr, path: &str) -> Result<Answer, Failure> {
    let stream = TcpStream::connect(address).await.map_err(Failure::Connect)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends by itself: the other side closes after its answer, or `sender` is dropped.
    tokio::spawn(connection);
    let request = Request::get(path)
        .header(header::HOST, address.to_string())
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| Failure::Unexpected(error.to_string()))?;
    let (parts, body) = sender.send_request(request).await?.into_parts();
    Ok(Answer { status: parts.status, body: body.collect().await?.to_bytes() })
}
