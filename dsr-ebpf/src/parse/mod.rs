//! Frame in, packet out: where the headers are and which flow they name. Read-only.
//!
//! Pure: looks up no table. A malformed packet is dropped only if it is sent to a VIP; a [`Fault`] therefore contains
//! the address, and the caller checks whether it is a VIP.

mod extension;
mod fast;
mod ipv4;
mod ipv6;
mod link;
mod part;
mod quoted;
mod transport;

use dsr_common::{
    address::{Address, Family},
    flow::Flow,
    stats::Reason,
};

pub(crate) use self::{
    fast::{Network, Opening, Shape, ethertype_behind_tag, ethertype_to, reparse},
    ipv4::parse as ipv4,
    ipv6::parse as ipv6,
    link::{Addressee, Arrival, Link, Payload, parse as link},
    part::{Fragment, Part},
    quoted::parse as quoted,
    transport::parse as transport,
};

/// Why no packet could be parsed.
pub(crate) enum Fault {
    /// The frame contains no such packet, whatever its destination.
    Absent(Reason),
    /// It is malformed and sent to this address.
    Malformed(Family, Address),
}

/// An IPv4 or IPv6 header with valid lengths.
pub(crate) struct Ip {
    pub(crate) family: Family,
    /// The sender.
    pub(crate) client: Address,
    /// The destination, not yet known to be a VIP.
    pub(crate) vip: Address,
    /// The protocol after the header and its options or extension headers (IANA "Protocol Numbers").
    pub(crate) protocol: u8,
    /// DSCP and ECN.
    pub(crate) traffic_class: u8,
    /// Where the header starts.
    pub(crate) start: usize,
    /// Where that protocol's header starts.
    pub(crate) payload: usize,
    /// Where the packet ends; the frame may be longer.
    pub(crate) end: usize,
    pub(crate) fragment: Fragment,
    /// Without options or extension headers.
    pub(crate) is_plain: bool,
}

/// A packet of a flow, as later stages need it.
pub(crate) struct Packet {
    /// Its flow.
    pub(crate) flow: Flow,
    /// Whether it opens a TCP connection.
    pub(crate) opens: bool,
}
