//! The headers of nearly every packet: untagged Ethernet, IPv4 without options, TCP or UDP.

use super::{ethernet, ipv4, transport::TcpHead};

/// Version 4 and a header of [`ipv4::MIN`] octets.
pub(crate) const VERSION_LENGTH: u8 = 0x45;

/// All of them, up to the flags of TCP; a UDP header is shorter, but no frame on a wire is.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct Headers {
    pub(crate) link: ethernet::Header,
    pub(crate) ip: ipv4::Header,
    pub(crate) tcp: TcpHead,
}
