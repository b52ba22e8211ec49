//! What signals ask of the agent.

use std::{io, time::Duration};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use super::program::{Ending, beat};
use crate::{
    datapath::Maps,
    tasks::{End, Task, Tasks},
};

/// The signals that an agent listens to, in a task of their own: the agent's may be busy with a long plan.
pub(super) struct Signals {
    asked: mpsc::UnboundedReceiver<Asked>,
    ending: Ending,
    /// Listens for as long as it is held.
    _listener: Task,
}

impl Signals {
    pub(super) fn start(tasks: &Tasks) -> io::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let mut hand_over = signal(SignalKind::user_defined1())?;
        let (sender, asked) = mpsc::unbounded_channel();
        let ending = Ending::default();
        let end = ending.clone();
        let listener = tasks.spawn("signals", async move {
            loop {
                let asked = tokio::select! {
                    _ = interrupt.recv() => Asked::Stop,
                    _ = terminate.recv() => Asked::Stop,
                    _ = hang_up.recv() => Asked::Reload,
                    _ = hand_over.recv() => Asked::HandOver,
                };
                if asked != Asked::Reload {
                    end.ask();
                }
                if sender.send(asked).is_err() {
                    return End::Done;
                }
            }
        });
        Ok(Self { asked, ending, _listener: listener })
    }

    /// What tells of the signals to end.
    pub(super) fn ending(&self) -> Ending {
        self.ending.clone()
    }

    /// Waits for one. May be dropped and called again: nothing is lost.
    pub(super) async fn next(&mut self) -> Asked {
        match self.asked.recv().await {
            Some(asked) => asked,
            // The supervisor ends the agent, whose task this was.
            None => std::future::pending().await,
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
            _ = seconds.tick() => beat(maps),
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
