//! One probe: asks a backend, and says whether the answer is right.

mod certificate;
mod command;
mod dns;
pub(super) mod echo;
mod head;
pub(super) mod http;
pub mod orphans;
mod search;
mod text_record;
mod tls;

use std::{fmt, io};

use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};

use super::{local, socket::ProbeRoute};
use crate::model::{Check, Probe};

/// Why a probe failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nothing came back.
    Silent,
    /// It was refused.
    Refused,
    /// A connection was made and nothing came of it in time.
    Unanswered,
    /// What came is not what is expected.
    Wrong(String),
    /// The host that it was sent to would pass it on: it does not take it as its own.
    Forwarded,
    /// The kernel reports that no host answers.
    Unsent(String),
    /// It could not be made, because of this host: that says nothing of the backend.
    Local(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("nothing comes back"),
            Self::Refused => f.write_str("it is refused"),
            Self::Unanswered => f.write_str("the connection is accepted but not answered in time"),
            Self::Forwarded => f.write_str("the backend forwards it instead of accepting it"),
            Self::Wrong(what) => f.write_str(what),
            Self::Unsent(why) => write!(f, "it cannot be sent: {why}"),
            Self::Local(why) => write!(f, "it cannot be made on this host: {why}"),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => Self::Refused,
            io::ErrorKind::TimedOut => Self::Silent,
            _ if local::is_local(&error) => Self::Local(format!("{error}{}", local::remedy(&error))),
            _ => Self::Unsent(error.to_string()),
        }
    }
}

/// What a command gets to know of the backend that it checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names<'a> {
    /// The service's.
    pub(super) service: &'a str,
    /// The backend's.
    pub(super) backend: &'a str,
    /// The backend's own address.
    pub(super) address: std::net::IpAddr,
}

/// Makes a check once, within its timeout.
pub(super) async fn run(check: &Check, route: &ProbeRoute, names: &Names<'_>) -> Result<(), Failure> {
    let end = Instant::now() + check.timeout;
    match &check.probe {
        Probe::Tcp => connect(route, end).await.map(drop),
        Probe::Http(http) => {
            let stream = connect(route, end).await?;
            http::ask(http, route, stream, end).await
        }
        Probe::Dns(dns) => dns::ask(dns, route, end).await,
        Probe::Command(command) => {
            let late = || Err(Failure::Wrong("the command does not end in time".to_owned()));
            timeout_at(end, command::run(command, route, names)).await.unwrap_or_else(|_| late())
        }
    }
}

async fn connect(route: &ProbeRoute, end: Instant) -> Result<TcpStream, Failure> {
    let connected = timeout_at(end, route.connect()).await.map_err(|_| Failure::Silent)?;
    connected.map_err(|error| match error.kind() {
        // A probe may not be forwarded: a host that would have to says so (ICMP, time exceeded).
        io::ErrorKind::HostUnreachable if route.number.is_some() => Failure::Forwarded,
        _ => error.into(),
    })
}
