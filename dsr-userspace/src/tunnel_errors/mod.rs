//! What the network says of tunnels: ICMP errors about outer packets, counted for each backend and told once.
//!
//! Enter: the configuration, and errors by raw sockets. The data path writes outer packets itself, so no other socket of this
//! host gets them. Leave: counts for metrics and commands, and log lines. It decides nothing: whether a backend is up is the
//! health check's business.
//!
//! An error proves little, because whoever can send packets to this host can make one up.

use std::{
    collections::BTreeMap,
    io,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use dsr_common::address::Family;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use crate::{
    model::Desired,
    tasks::{End, Task, Tasks},
};

mod kind;
mod ledger;
mod message;
mod socket;

pub use kind::ErrorKind;
use ledger::Ledger;
pub use ledger::{ErrorCount, QUIET, TunnelEnd};
#[cfg(test)]
pub(crate) use message::Tunnel;
pub(crate) use message::TunnelError;
pub(crate) use socket::ErrorSocket;
use socket::ErrorStream;

/// Listens for as long as a backend is reached through a tunnel, in a task of its own.
#[derive(Debug)]
pub struct TunnelErrors {
    tasks: Tasks,
    counts: ErrorCounts,
    listening: Option<Task>,
}

/// What was counted, for readers.
#[derive(Clone, Debug, Default)]
pub struct ErrorCounts(Arc<Mutex<Ledger>>);

/// Errors that are read in a second; the kernel drops further ones.
pub const ERRORS_PER_SECOND: u32 = 1000;

/// How often it is looked at what is over.
const LOOK_EVERY: Duration = Duration::from_secs(5);

impl TunnelErrors {
    /// Listens to nothing yet.
    pub fn new(tasks: &Tasks) -> Self {
        Self { tasks: tasks.clone(), counts: ErrorCounts::default(), listening: None }
    }

    /// Listens for errors about these backends, if there is one that a tunnel leads to. The sockets are of the calling thread's
    /// network namespace. Needs a tokio runtime with I/O and time enabled.
    pub fn set_backends(&mut self, desired: &Desired) {
        if !self.counts.ledger().set_ends(desired) {
            self.listening = None;
        } else if self.listening.is_none() {
            match open() {
                Ok(sockets) => {
                    let work = listen(sockets, self.counts.clone());
                    self.listening = Some(self.tasks.spawn("tunnel errors", work));
                }
                Err(error) => tracing::warn!(
                    %error,
                    "ICMP errors about tunnels are not counted until the next reload: no raw socket can be opened"
                ),
            }
        }
    }

    /// What is counted.
    pub fn counts(&self) -> ErrorCounts {
        self.counts.clone()
    }
}

impl ErrorCounts {
    /// All counts above zero.
    pub fn all(&self) -> BTreeMap<(TunnelEnd, ErrorKind), ErrorCount> {
        self.ledger().counts().clone()
    }

    /// Those of a backend of a pool, by the label of their kind.
    pub fn of(&self, pool: &str, backend: &str) -> BTreeMap<String, u64> {
        let ledger = self.ledger();
        if ledger.counts().is_empty() {
            return BTreeMap::new();
        }
        let end = TunnelEnd { pool: pool.to_owned(), backend: backend.to_owned() };
        let counts = ledger.counts().range((end.clone(), ErrorKind::FIRST)..=(end, ErrorKind::LAST));
        counts.map(|((_, kind), count)| (kind.label().to_owned(), count.errors)).collect()
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, error: &TunnelError, from: IpAddr) {
        let begun = self.ledger().note(error, from, Instant::now().into_std());
        for TunnelEnd { pool, backend } in begun {
            let (kind, mtu) = (error.kind.label(), error.mtu);
            let remedy = error.kind.remedy();
            tracing::warn!(
                pool, backend, address = %error.backend, kind, %from, mtu,
                "ICMP errors about the tunnel to the backend: {remedy}"
            );
        }
    }

    fn end(&self) {
        let over = self.ledger().end(Instant::now().into_std());
        for (TunnelEnd { pool, backend }, kind) in over {
            tracing::info!(pool, backend, kind = kind.label(), "no more ICMP errors about the tunnel to the backend");
        }
    }
}

/// A socket for each version of ICMP; none for IPv6 where the kernel has no IPv6.
fn open() -> io::Result<(ErrorStream, Option<ErrorStream>)> {
    let v6 = match ErrorStream::open(Family::V6) {
        Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => None,
        opened => Some(opened?),
    };
    Ok((ErrorStream::open(Family::V4)?, v6))
}

async fn listen((v4, v6): (ErrorStream, Option<ErrorStream>), counts: ErrorCounts) -> End {
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut second, mut left) = (Instant::now(), ERRORS_PER_SECOND);
    loop {
        let received = tokio::select! {
            _ = looks.tick() => {
                counts.end();
                continue;
            }
            received = v4.next() => received,
            received = next(v6.as_ref()) => received,
        };
        match received {
            Ok(Some((error, from))) => counts.note(&error, from),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "ICMP errors about tunnels cannot be read: trying again in a few seconds");
                sleep(LOOK_EVERY).await;
            }
        }
        let until = second + Duration::from_secs(1);
        if Instant::now() >= until {
            (second, left) = (Instant::now(), ERRORS_PER_SECOND);
        }
        left = left.saturating_sub(1);
        if left == 0 {
            sleep_until(until).await;
        }
    }
}

async fn next(stream: Option<&ErrorStream>) -> io::Result<Option<(TunnelError, IpAddr)>> {
    match stream {
        Some(stream) => stream.next().await,
        None => std::future::pending().await,
    }
}
