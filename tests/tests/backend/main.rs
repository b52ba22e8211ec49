//! `dsr backend setup`: the scripts are run where they can be, and parsed and checked line by line where not. Linux
//! needs root.

#![allow(clippy::unwrap_used)]

mod command;
mod csharp;
mod docker;
mod faults;
mod host;
mod linux;
mod nftables;
mod persist;
mod powershell;
mod scripts;
mod shell;
