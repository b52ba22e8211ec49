//! What others ask the agent's task to do: each question with a channel for its answer.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use dsr_common::trace::TraceRecord;
use tokio::sync::mpsc;

use crate::api::{
    Failure,
    view::{OverrideAnswer, OverrideRequest, ReloadAnswer, TraceRequest},
};

/// What changes the agent's state, or takes something from it.
pub(in crate::agent) enum Command {
    /// An operator's word on a backend.
    Override(OverrideRequest, Answer<Result<OverrideAnswer, Failure>>),
    /// Read the file again.
    Reload(Answer<ReloadAnswer>),
    /// Start a trace.
    StartTrace(TraceRequest, Answer<Result<(), Failure>>),
    /// What was traced since the last time.
    Traced(Answer<Vec<TraceRecord>>),
    /// End the trace.
    StopTrace(Answer<()>),
}

/// Where an answer goes.
pub(in crate::agent) type Answer<T> = SyncSender<T>;

/// Sends an answer.
pub(in crate::agent) type Reply = Box<dyn FnOnce()>;

/// Asks the agent's task.
#[derive(Clone)]
pub(in crate::agent) struct Commander(mpsc::UnboundedSender<Command>);

/// What was asked, for the agent's task.
pub(in crate::agent) type Commands = mpsc::UnboundedReceiver<Command>;

/// Both ends. How much can wait is bounded by the connections of the API.
pub(in crate::agent) fn channel() -> (Commander, Commands) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Commander(sender), receiver)
}

impl Commander {
    /// Asks and waits for the answer, which blocks the calling thread.
    pub(in crate::agent) fn ask<T>(&self, command: impl FnOnce(Answer<T>) -> Command) -> Result<T, Failure> {
        let (answer, answered): (_, Receiver<T>) = sync_channel(1);
        let ends = || Failure::failed("the agent is ending");
        self.0.send(command(answer)).map_err(|_| ends())?;
        answered.recv().map_err(|_| ends())
    }
}

/// Sends the same answer to all.
pub(in crate::agent) fn reply_all(answers: Vec<Answer<ReloadAnswer>>, value: ReloadAnswer) -> Reply {
    Box::new(move || answers.into_iter().for_each(|answer| drop(answer.try_send(value.clone()))))
}

/// Sends an answer.
pub(in crate::agent) fn reply<T: 'static>(answer: Answer<T>, value: T) -> Reply {
    // Whoever does not wait for it any more misses it.
    Box::new(move || drop(answer.try_send(value)))
}
