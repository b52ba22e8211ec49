//! What signals ask of the agent.

use tokio::signal::unix::{Signal, SignalKind, signal};

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

/// What a signal asks for.
pub(super) enum Asked {
    Stop,
    HandOver,
    Reload,
}
