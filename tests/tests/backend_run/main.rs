//! `dsr backend run` on a backend of the lab: nginx answers curl through every tunnel, restarts lose nothing, and the
//! host is left as it was found. All of it needs root.
#![allow(missing_docs, clippy::unwrap_used)]

mod agent;
mod balancer;
mod hold;
mod restart;
mod traffic;
mod tunnel;
mod world;
