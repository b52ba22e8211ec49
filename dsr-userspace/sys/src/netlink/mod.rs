//! Netlink: questions and events of rtnetlink, and questions to families of generic netlink, ethtool among them.

pub mod ethtool;
pub mod generic;
mod route;

pub use route::{Connection, Events, family, subscribe};
