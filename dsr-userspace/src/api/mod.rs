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

use view::{Decision, Status, TraceRequest};

/// Where the socket is unless the configuration says otherwise.
pub const SOCKET: &str = "/run/dsr/api.sock";

/// What an agent can be asked for. Each may block.
pub trait Operations: Send + Sync + 'static {
    /// What it does at this moment.
    fn status(&self) -> Result<Status, Failure>;
    /// Starts to tell of frames. One trace runs at a time.
    fn start_trace(&self, request: &TraceRequest) -> Result<(), Failure>;
    /// What was told since the last call.
    fn traced(&self) -> Result<Vec<Decision>, Failure>;
    /// Ends the trace.
    fn stop_trace(&self);
}
