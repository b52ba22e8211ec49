//! What a configuration would change: `POST /v1/check`.

use serde::{Deserialize, Serialize};

use super::ForwardView;

/// A configuration to compare with the one that is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreviewRequest {
    /// Its text.
    pub text: String,
    /// Where that is from, for messages.
    pub file: String,
    /// The files that it includes, in the order in which they are read.
    #[serde(default)]
    pub included: Vec<IncludedFile>,
    /// The seed that counts where the text has none.
    pub hash_seed: u64,
}

/// A file that a configuration includes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncludedFile {
    /// Its name, for messages.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// What a configuration would change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    /// The configuration that is in force.
    pub in_force: String,
    /// Why the program would be loaded anew, a line each; none where it need not be.
    pub loads_anew: Vec<String>,
    /// Bytes of the tables now.
    pub bytes_before: u64,
    /// Bytes of the tables then.
    pub bytes_after: u64,
    /// The services of both, those of the new one first, in its order.
    pub services: Vec<ServiceChange>,
}

/// What would change for a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceChange {
    /// Its name.
    pub name: String,
    /// VIP, port and protocol in one.
    pub address: String,
    /// What becomes of it.
    pub kind: ChangeKind,
    /// How packets reach its backends now; nothing where it is new.
    pub forward_before: Option<ForwardView>,
    /// The same then; nothing where it goes.
    pub forward_after: Option<ForwardView>,
    /// Slots of its table now; zero where there is none.
    pub slots_before: u32,
    /// Slots of its table then.
    pub slots_after: u32,
    /// Share of its flows to come that get another backend than now, from 0 to 1.
    pub moved: f64,
    /// Share of its flows that would lose their backend at once.
    pub lost: f64,
    /// Flows that are remembered now.
    pub flows: u64,
    /// How many of those would lose their backend.
    pub flows_lost: u64,
    /// Bytes of its slots and members now.
    pub bytes_before: u64,
    /// The same then.
    pub bytes_after: u64,
}

/// What becomes of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It goes.
    Removed,
    /// Some flows get another backend, or could be lost.
    Changed,
    /// Nothing moves.
    Same,
}
