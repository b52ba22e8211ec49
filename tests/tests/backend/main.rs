//! `dsr backend setup`: the scripts are run where they can be, and parsed and checked line by line where not. Linux
//! needs root.

#![allow(clippy::unwrap_used)]

mod command;
mod csharp;
mod docker;
mod faults;
mod forward;
mod host;
mod linux;
mod nftables;
mod persist;
mod powershell;
mod scripts;
mod shell;
#[path = "../backend_run/tunnel.rs"]
#[allow(dead_code)] // The tests of the backend's agent need more of it.
mod tunnel;
