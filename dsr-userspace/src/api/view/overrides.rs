//! What an operator says of a backend: `POST /v1/override`.

use serde::{Deserialize, Serialize};

/// What an operator says of a backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverrideRequest {
    /// The backend's name.
    pub backend: String,
    /// Its pool, which may be left out where only one has a backend of this name.
    #[serde(default)]
    pub pool: Option<String>,
    /// What is said.
    pub action: OverrideAction,
}

/// What counts for a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverrideAction {
    /// No new flows.
    Drain,
    /// The file's weight again.
    Clear,
    /// This weight.
    Weight(u16),
}

/// What counts for a backend from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverrideAnswer {
    /// The backend's pool.
    pub pool: String,
    /// Its name.
    pub backend: String,
    /// Its weight.
    pub weight: u16,
    /// The weight that the file has for it.
    pub weight_in_file: u16,
}
