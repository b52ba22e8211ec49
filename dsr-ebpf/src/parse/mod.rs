//! Frame in, packet out: where the headers are and which flow they name. Changes nothing.
//!
//! Pure: no table is looked into. What is malformed is dropped where it is sent to a VIP, and else none of our business, so
//! that a [`Fault`] names the address; the caller asks whether that is a VIP.

mod extension;
mod fast;
mod ipv4;
mod ipv6;
mod link;
mod quoted;
mod transport;

use dsr_common::{
    address::{Address, Family},
    flow::Flow,
    stats::Reason,
};

pub(crate) use self::{
    fast::{Network, Shape, ethertype_behind_tag, ethertype_to, reparse},
    ipv4::parse as ipv4,
    ipv6::parse as ipv6,
    link::{Addressee, Arrival, Link, Payload, parse as link},
    quoted::parse as quoted,
    transport::parse as transport,
};

/// Why no packet could be read.
pub(crate) enum Fault {
    /// There is none of that kind, wherever it is sent to.
    Absent(Reason),
    /// It is malformed, and sent to this address.
    Malformed(Family, Address),
}

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
pub(crate) struct Fragment {
    pub(crate) part: Part,
    /// The identification as it lies in the packet; zero where the packet is whole. Not the variants' own: what no path
    /// defines the compiler may spill all the same, which the verifier refuses.
    pub(crate) id: u32,
}

/// Part of a datagram.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// The first one, with the transport header.
    First,
    /// One of the others.
    Later,
}

impl Fragment {
    pub(crate) const WHOLE: Self = Self { part: Part::Whole, id: 0 };

    #[inline(always)]
    pub(crate) const fn first(id: u32) -> Self {
        Self { part: Part::First, id }
    }

    #[inline(always)]
    pub(crate) const fn later(id: u32) -> Self {
        Self { part: Part::Later, id }
    }
}

/// A packet of a flow, and what the later stages need of it.
pub(crate) struct Packet {
    /// Who talks to whom.
    pub(crate) flow: Flow,
    /// Whether it opens a TCP connection.
    pub(crate) opens: bool,
}
