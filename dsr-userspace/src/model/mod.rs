//! The words of the domain as types: what an operator wants ([`Desired`]) and what the network allows ([`Network`]).
//!
//! Pure data. What is in here is valid: it was checked where it was made.

mod network;
mod service;

pub use network::{BondPort, Hop, InterfaceState, Mac, Network, NoHop, Reach, SINGLE_BUFFER_MTU, VlanTag};
pub use service::{Announce, Backend, Desired, Forward, OnEmpty, Port, Protocol, Service, ServiceId, Weight};
