//! The admin API: HTTP and JSON on a Unix socket, and the command line as its client.
//!
//! [`Server`] listens and answers with what an agent says ([`Operations`]); [`Client`] asks. What goes over the socket are
//! the types of [`view`]. Bodies are bounded, and an error says what to do about it ([`Failure`]).

mod client;
mod failure;
mod routes;
mod server;
mod trace;
pub mod view;

pub use client::{Client, ClientError, Lines};
pub use failure::{Failure, Kind};
pub use server::{Error, Server};

use view::{
    Decision, ExplainRequest, Explanation, OverrideAnswer, OverrideRequest, Preview, PreviewRequest, ReloadAnswer,
    Status, TraceRequest,
};

pub use crate::config::API_SOCKET as SOCKET;

/// What an agent can be asked for. Each may block.
pub trait Operations: Send + Sync + 'static {
    /// What it does at this moment.
    fn status(&self) -> Result<Status, Failure>;
    /// Follows what an operator says of a backend.
    fn set_override(&self, request: &OverrideRequest) -> Result<OverrideAnswer, Failure>;
    /// Where the packets of a flow go.
    fn explain(&self, request: &ExplainRequest) -> Result<Explanation, Failure>;
    /// What another configuration would change.
    fn preview(&self, request: &PreviewRequest) -> Result<Preview, Failure>;
    /// Reads the configuration file again and waits for what comes of it.
    fn reload(&self) -> Result<ReloadAnswer, Failure>;
    /// Starts to tell of frames. One trace runs at a time.
    fn start_trace(&self, request: &TraceRequest) -> Result<(), Failure>;
    /// What was told since the last call.
    fn traced(&self) -> Result<Vec<Decision>, Failure>;
    /// Ends the trace.
    fn stop_trace(&self);
}
