//! What the kernel side and the user side of `dsr` share: map rows, forward modes, keyed hashes, reasons, limits and names, each
//! defined once.
//!
//! Plain data and pure functions, `no_std`; no access to packets, maps or the network.
#![no_std]
#![deny(unsafe_code)]

pub mod address;
pub mod backend;
pub mod checksum;
pub mod claim;
mod counted;
pub mod flow;
pub mod forward;
pub mod fragment;
pub mod hash;
pub mod heartbeat;
pub mod interface;
pub mod ip_header;
pub mod limits;
pub mod mac;
pub mod member;
pub mod names;
pub mod previous;
pub mod probe;
pub mod service;
pub mod slot;
pub mod stats;
pub mod trace;
pub mod track;
pub mod tunnel;
pub mod vlan;

#[cfg(feature = "user")]
mod pod;
