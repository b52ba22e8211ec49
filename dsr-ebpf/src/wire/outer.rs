//! The headers that encapsulation puts in front of a packet, from the EtherType on, as they lie in a frame.

use super::Be16;

/// What is between the outer IP header and the packet; not all of it is used.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct Shim {
    /// The UDP header of GUE, or the GRE header and its key.
    pub(crate) head: [u32; 2],
    /// The header of GUE's variant 0.
    pub(crate) tail: u32,
}

/// An EtherType, IPv4 header and [`Shim`].
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct OuterIpv4 {
    pub(crate) ethertype: Be16,
    /// From the version to the fragment offset.
    pub(crate) first: u64,
    /// From the TTL to the source address.
    pub(crate) second: u64,
    pub(crate) destination: u32,
    pub(crate) shim: Shim,
}

/// An EtherType, IPv6 header and [`Shim`].
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct OuterIpv6 {
    pub(crate) ethertype: Be16,
    /// From the version to the hop limit.
    pub(crate) first: u64,
    pub(crate) source: [u64; 2],
    pub(crate) destination: [u64; 2],
    pub(crate) shim: Shim,
}
