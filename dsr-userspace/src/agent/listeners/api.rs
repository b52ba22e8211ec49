//! What the agent answers to its admin API, and where.

use std::{path::Path, sync::Arc, time::Instant};

use tokio::sync::watch;

use super::command::{Command, Commander};

use crate::{
    agent::snapshot::Snapshot,
    api::{
        Error, Failure, Operations, Server,
        view::{
            Decision, ExplainRequest, Explanation, OverrideAnswer, OverrideRequest, Preview, PreviewRequest,
            ReloadAnswer, Status, TraceRequest,
        },
    },
    tasks::Tasks,
};

/// The server of the admin API, which moves with the configuration. Dropping it ends it.
pub(in crate::agent) struct ApiListener {
    handler: Arc<ApiHandler>,
    server: Option<Server>,
    tasks: Tasks,
}

/// Where the API is from now on.
pub(in crate::agent) enum Rebind {
    /// Where it is already.
    Keep,
    /// Nowhere, or on this socket.
    Move(Option<Server>),
}

impl ApiListener {
    /// Answers nowhere yet.
    pub(in crate::agent) fn new(
        snapshots: watch::Receiver<Arc<Snapshot>>,
        commander: Commander,
        tasks: &Tasks,
    ) -> Self {
        let handler = Arc::new(ApiHandler { snapshots, commander, started: Instant::now() });
        Self { handler, server: None, tasks: tasks.clone() }
    }

    /// Binds the socket of a path, for [`Self::take`].
    pub(in crate::agent) async fn prepare(&self, path: Option<&Path>) -> Result<Rebind, Error> {
        if path == self.server.as_ref().map(Server::path) {
            return Ok(Rebind::Keep);
        }
        bind(path).await.map(Rebind::Move)
    }

    /// Answers there, and no longer where it did.
    pub(in crate::agent) fn take(&mut self, rebind: Rebind) {
        let Rebind::Move(server) = rebind else { return };
        self.server = server;
        if let Some(server) = &mut self.server {
            server.serve(Arc::clone(&self.handler) as Arc<dyn Operations>, &self.tasks);
            tracing::debug!(socket = %server.path().display(), "the admin API answers");
        }
    }
}

/// Binds the socket, if there is to be one.
pub(in crate::agent) async fn bind(path: Option<&Path>) -> Result<Option<Server>, Error> {
    match path {
        None => Ok(None),
        Some(path) => Server::bind(path).await.map(Some),
    }
}

/// Answers.
struct ApiHandler {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    commander: Commander,
    started: Instant,
}

impl ApiHandler {
    /// The state as last published. The channel is free again when this returns.
    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }
}

impl Operations for ApiHandler {
    fn status(&self) -> Result<Status, Failure> {
        let snapshot = self.snapshot();
        snapshot.status(self.started.elapsed(), snapshot.missing_pin().as_deref()).map_err(Failure::failed)
    }

    fn set_override(&self, request: &OverrideRequest) -> Result<OverrideAnswer, Failure> {
        self.commander.ask(|answer| Command::Override(request.clone(), answer))?
    }

    fn explain(&self, request: &ExplainRequest) -> Result<Explanation, Failure> {
        self.snapshot().explain(request)
    }

    fn preview(&self, request: &PreviewRequest) -> Result<Preview, Failure> {
        self.snapshot().preview(request)
    }

    fn reload(&self) -> Result<ReloadAnswer, Failure> {
        self.commander.ask(Command::Reload)
    }

    fn start_trace(&self, request: &TraceRequest) -> Result<(), Failure> {
        self.commander.ask(|answer| Command::StartTrace(request.clone(), answer))?
    }

    fn traced(&self) -> Result<Vec<Decision>, Failure> {
        let records = self.commander.ask(Command::Traced)?;
        Ok(self.snapshot().decisions(&records))
    }

    fn stop_trace(&self) {
        // An agent that is ending ends the trace with itself.
        drop(self.commander.ask(Command::StopTrace));
    }
}

impl std::fmt::Debug for ApiListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiListener").field("server", &self.server).finish_non_exhaustive()
    }
}
