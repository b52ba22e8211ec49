//! One question to a backend: a connection to its own address, and the line that comes.

use std::net::{IpAddr, SocketAddr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{health::local, model::AgentCheck};

/// Why nothing is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// The backend did not answer.
    ByBackend(String),
    /// This host could not ask.
    Local(String),
}

/// What the backend answers, up to the end of a line, or why nothing is known.
pub(super) async fn ask(address: IpAddr, check: &AgentCheck) -> Result<String, Unanswered> {
    let at = SocketAddr::new(address, check.port.get());
    let asked = timeout(check.timeout, answer(at, check.send.as_deref())).await;
    match asked {
        Ok(Ok(bytes)) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Ok(Err(error)) if local::is_local(&error) => Err(Unanswered::Local(error.to_string())),
        Ok(Err(error)) => Err(Unanswered::ByBackend(format!("{at}: {error}"))),
        Err(_) => Err(Unanswered::ByBackend(format!("{at}: nothing within {:?}", check.timeout))),
    }
}

async fn answer(at: SocketAddr, send: Option<&str>) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(at).await?;
    if let Some(text) = send {
        stream.write_all(text.as_bytes()).await?;
    }
    let mut bytes = Vec::new();
    while bytes.len() < LONGEST && !bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
        if stream.read_buf(&mut bytes).await? == 0 {
            break;
        }
    }
    Ok(bytes)
}

/// Bytes of an answer that are read.
const LONGEST: usize = 1024;
