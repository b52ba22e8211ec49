//! Health checks, with real backends in a lab. Needs root.

#![allow(clippy::unwrap_used)]

mod steer;
