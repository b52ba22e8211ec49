//! Frame in, packet out: where the headers are and which flow they name. Changes nothing.
//!
//! What is not for us is told apart from what is for a VIP and broken: only the latter is dropped. A reason to drop that
//! is given here is therefore one for packets to VIPs; the caller asks whether this is one.

mod extension;
mod ipv4;
mod ipv6;
mod link;
mod plain;
mod quoted;
mod transport;

use dsr_common::{
    address::{Address, Family},
    flow::Flow,
};

pub(crate) use self::{
    extension::{Last, step_by_step as walk_step_by_step},
    ipv4::parse as ipv4,
    ipv6::parse as ipv6,
    link::{Addressee, Link, Payload, parse as link},
    plain::{Plain, parse as plain, parse_again as plain_again},
    quoted::parse as quoted,
    transport::parse as transport,
};

/// An IP header whose lengths are sound, IPv4 or IPv6.
pub(crate) struct Ip {
    pub(crate) family: Family,
    /// The sender.
    pub(crate) client: Address,
    /// The destination; whether it is a VIP is still to be seen.
    pub(crate) vip: Address,
    /// What is behind the header and its options or extension headers (IANA "Protocol Numbers").
    pub(crate) protocol: u8,
    /// Where the header starts.
    pub(crate) start: usize,
    /// Where that protocol's header starts.
    pub(crate) payload: usize,
    /// Where the packet ends; the frame may be longer.
    pub(crate) end: usize,
    pub(crate) fragment: Fragment,
    /// No options, no extension headers.
    pub(crate) is_plain: bool,
}

/// Which part of a datagram a packet is.
#[derive(Clone, Copy)]
pub(crate) enum Fragment {
    /// All of it.
    Whole,
    /// The first one, with the transport header; the identification as it lies in the packet.
    First(u32),
    /// One of the others.
    Later(u32),
}

/// A packet of a flow, and what the later stages need of it.
pub(crate) struct Packet {
    /// Who talks to whom.
    pub(crate) flow: Flow,
    /// Whether it opens a TCP connection.
    pub(crate) opens: bool,
}
