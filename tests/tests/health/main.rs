//! Health checks, with real backends in a lab. Needs root.

#![allow(clippy::unwrap_used)]

mod agent_check;
mod ask;
mod cause;
mod certificates;
mod detach;
mod fallback;
mod kinds;
mod leftovers;
mod orphans;
mod pages;
mod raw;
mod removed;
mod seen;
mod steer;
mod verdict;
