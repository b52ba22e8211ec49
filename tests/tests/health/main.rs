//! Health checks, with real backends in a lab. Needs root.

#![allow(clippy::unwrap_used)]

mod agent_check;
mod cause;
mod fallback;
mod kinds;
mod leftovers;
mod seen;
mod steer;
mod verdict;
