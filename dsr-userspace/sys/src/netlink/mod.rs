//! Netlink: questions to families of generic netlink, ethtool among them.

pub mod ethtool;
pub mod generic;
