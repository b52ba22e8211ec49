//! The signals that end a command that runs on: from the keyboard, from a service manager, from a closed terminal.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens for them.
pub(super) struct Interrupts {
    keyboard: Signal,
    manager: Signal,
    hangup: Signal,
}

impl Interrupts {
    /// From now on they do not end the process.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            keyboard: signal(SignalKind::interrupt())?,
            manager: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for one.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.keyboard.recv() => {}
            _ = self.manager.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
