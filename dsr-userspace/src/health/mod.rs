//! Health of backends, seen through the VIP.
//!
//! Enters: what is to be checked ([`Monitor::set_targets`]), and what the network says of the backends
//! ([`Monitor::set_network`]). Leaves: how each backend stands ([`Reader::report`]), from which [`decide`] makes what
//! the planner gets. A probe is an ordinary socket that is connected to the VIP and steered to one member (`link`,
//! and the tc program), so that it passes only where the backend takes the VIP's packets and its answer comes back.
//!
//! It decides nothing about slots, and touches no map.

mod agent_check;
mod ask;
mod check;
mod decision;
mod diagnose;
mod evidence;
mod histogram;
mod known;
pub mod link;
mod local;
mod monitor;
mod numbers;
mod path;
mod rise_fall;
pub mod socket;
mod standings;
mod steering;
mod tunnel;
mod watch;

pub use agent_check::{AgentChecks, AgentReports, AgentTarget, ReportedState};
pub use ask::{OwnAnswer, ask_own};
pub use check::orphans;
pub use decision::{HealthDecision, ServiceDecision, State, decide, decide_service};
pub use diagnose::Finding;
pub use histogram::{BOUNDS, Histogram};
pub use monitor::{Monitor, Reader, Target};
pub use numbers::Numbers;
pub use path::ProbePath;
pub use standings::{Standings, Unchecked};
pub use steering::Steered;

/// A random number.
fn random() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    // Each state has keys of its own, from the kernel's random numbers.
    RandomState::new().build_hasher().finish()
}
