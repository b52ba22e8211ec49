//! Asks an agent by its socket.

use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1,
    header,
};
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{net::UnixStream, time::timeout};

use super::failure::Failure;

/// Why an agent was not asked, or what it answered instead.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No agent listens on the socket.
    #[error(
        "no agent answers at {path} ({source}): start one with `dsr run -c FILE`, or give the socket of the running \
         one with --socket (`api` in its configuration)"
    )]
    NoAgent {
        /// Where.
        path: PathBuf,
        /// What the kernel says.
        source: io::Error,
    },
    /// This user may not ask.
    #[error("no permission to use {0}: run this command as root or as a member of the socket's group")]
    Forbidden(PathBuf),
    /// The agent takes too long.
    #[error(
        "no answer from the agent at {0} within {seconds} s: see its log",
        seconds = PATIENCE.as_secs()
    )]
    Late(PathBuf),
    /// The agent went away before it had answered.
    #[error("the agent's answer is incomplete: {0}")]
    Broken(#[from] hyper::Error),
    /// The agent speaks otherwise than this program.
    #[error("cannot parse the agent's answer ({0}): agent and command have different versions")]
    Strange(String),
    /// The agent says no.
    #[error(transparent)]
    Refused(#[from] Failure),
}

/// The way to an agent.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// By this socket.
    pub fn new(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// Asks for what is at `path`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.in_time(async { read(self.send(Method::GET, path, Bytes::new()).await?).await }).await
    }

    /// Sends a request and gives the answer.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        let body = encode(body)?;
        self.in_time(async { read(self.send(Method::POST, path, body).await?).await }).await
    }

    /// Sends a request whose answer is a line after the other.
    pub async fn lines(&self, path: &str, body: &impl Serialize) -> Result<Lines, ClientError> {
        let answer = self.in_time(self.send(Method::POST, path, encode(body)?)).await?;
        if answer.status() != StatusCode::OK {
            return Err(refusal(answer).await);
        }
        Ok(Lines { client: self.clone(), body: answer.into_body(), begun: Vec::new(), whole: VecDeque::new() })
    }

    async fn in_time<T>(&self, asked: impl Future<Output = Result<T, ClientError>>) -> Result<T, ClientError> {
        timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(ClientError::Late(self.socket.clone())))
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Response<Incoming>, ClientError> {
        let stream = UnixStream::connect(&self.socket).await.map_err(|source| match source.kind() {
            io::ErrorKind::PermissionDenied => ClientError::Forbidden(self.socket.clone()),
            _ => ClientError::NoAgent { path: self.socket.clone(), source },
        })?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends by itself when the answer was read or is no longer wanted.
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "dsr")
            .header(header::CONNECTION, "close")
            .body(Full::new(body))
            .map_err(|error| ClientError::Strange(error.to_string()))?;
        Ok(sender.send_request(request).await?)
    }
}

/// An answer of many lines, read while it comes.
#[derive(Debug)]
pub struct Lines {
    client: Client,
    body: Incoming,
    begun: Vec<u8>,
    whole: VecDeque<Vec<u8>>,
}

impl Lines {
    /// The next line; nothing where the answer is over.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, ClientError> {
        loop {
            if let Some(line) = self.whole.pop_front() {
                return decode(&line).map(Some);
            }
            let frame = self.client.in_time(async { Ok(self.body.frame().await) }).await?;
            let Some(frame) = frame else { return Ok(None) };
            let Ok(bytes) = frame?.into_data() else { continue };
            self.begun.extend_from_slice(&bytes);
            while let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
                let rest = self.begun.split_off(end + 1);
                self.whole.push_back(std::mem::replace(&mut self.begun, rest));
            }
        }
    }
}

/// The longest answer takes a second or two; a trace says every second that it runs.
const PATIENCE: Duration = Duration::from_secs(30);

fn encode(body: &impl Serialize) -> Result<Bytes, ClientError> {
    serde_json::to_vec(body).map(Into::into).map_err(|error| ClientError::Strange(error.to_string()))
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(bytes).map_err(|error| ClientError::Strange(error.to_string()))
}

async fn read<T: DeserializeOwned>(answer: Response<Incoming>) -> Result<T, ClientError> {
    if answer.status() != StatusCode::OK {
        return Err(refusal(answer).await);
    }
    decode(&answer.into_body().collect().await?.to_bytes())
}

async fn refusal(answer: Response<Incoming>) -> ClientError {
    let status = answer.status();
    match answer.into_body().collect().await {
        Err(error) => error.into(),
        Ok(body) => match serde_json::from_slice::<Failure>(&body.to_bytes()) {
            Ok(failure) => failure.into(),
            Err(_) => ClientError::Strange(format!("status {status}")),
        },
    }
}
