//! Frame in, packet out: where the headers are and which flow they name. Changes nothing.
//!
//! What is not for us is told apart from what is for a VIP and broken: only the latter is dropped.

mod ipv4;
mod link;

use dsr_common::flow::Flow;

pub(crate) use self::{
    ipv4::{Icmp, Parsed, parse as ipv4},
    link::{Addressee, Link, Payload, parse as link},
};

/// A TCP or UDP packet, and what the later stages need of it.
pub(crate) struct Packet {
    /// Who talks to whom.
    pub(crate) flow: Flow,
    /// Octets of the link header before its EtherType.
    pub(crate) link_length: usize,
    /// The interface that it came in on.
    pub(crate) ifindex: u32,
    /// Octets of link header and IP packet.
    pub(crate) octets: u32,
    /// Whether it opens a TCP connection.
    pub(crate) opens: bool,
}
