//! Health checks, with real backends in a lab. Needs root.

#![allow(clippy::unwrap_used)]

mod cause;
mod kinds;
mod leftovers;
mod seen;
mod steer;
mod verdict;
