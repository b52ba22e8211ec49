//! What signals ask of the agent.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::datapath::Maps;

/// The signals that an agent listens to.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    hand_over: Signal,
}

impl Signals {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            hand_over: signal(SignalKind::user_defined1())?,
        })
    }

    /// Waits for one.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.hang_up.recv() => Asked::Reload,
            _ = self.hand_over.recv() => Asked::HandOver,
        }
    }

    /// Waits for the signal to stop; there is nothing to read again yet.
    pub(super) async fn stopped(&mut self) {
        while let Asked::Reload = self.next().await {}
    }
}

/// Waits for a signal to end while the agent's task does something longer, and says meanwhile that the agent lives. What
/// asks for a reload is answered by the one that is under way.
pub(super) async fn end_meanwhile(signals: &mut Signals, maps: &Maps) -> Asked {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            _ = seconds.tick() => maps.beat(),
            asked = signals.next() => if asked != Asked::Reload {
                return asked;
            },
        }
    }
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Stop,
    HandOver,
    Reload,
}
