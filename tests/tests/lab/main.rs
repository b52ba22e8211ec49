//! The lab itself: what it builds, that labs do not meet, and that nothing stays behind. Needs root.

#![allow(clippy::unwrap_used)]

mod agent;
mod arp;
mod command;
mod fault;
mod leftovers;
mod network;
mod program;
mod router;
mod traffic;
