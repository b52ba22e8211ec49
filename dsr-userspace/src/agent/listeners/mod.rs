//! The sockets that the agent answers on, and what their requests ask of its task.

pub(super) mod api;
pub(super) mod command;
pub(super) mod metrics;
