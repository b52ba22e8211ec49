//! What the checks tell of the backends.

use std::sync::Arc;

use super::{decision::State, diagnose::Finding, histogram::Histogram, monitor::Target};

/// How one backend of one service stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Standings {
    /// Which.
    pub target: Arc<Target>,
    /// Up or down.
    pub state: State,
    /// Why it does not pass its check now; it may still be up.
    pub finding: Option<Finding>,
    /// How long its probes took.
    pub took: Histogram,
}

/// A backend of a service whose last probe could not be made on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unchecked {
    /// Which.
    pub target: Arc<Target>,
    /// Why not.
    pub why: String,
}
