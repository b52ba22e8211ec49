//! The headers of nearly every packet: untagged Ethernet, IPv4 without options, TCP or UDP.

use dsr_common::interface::MAC_MASK;

use super::{Be16, ipv4, transport::TcpHead};

/// Version 4 and a header of [`ipv4::MIN`] octets.
pub(crate) const VERSION_LENGTH: u8 = 0x45;

/// All of them, up to the flags of TCP; a UDP header is shorter, but no frame on a wire is.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct Headers {
    pub(crate) link: Link,
    pub(crate) ip: ipv4::Header,
    pub(crate) tcp: TcpHead,
}

/// The link header in words of which each holds what is compared at once.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct Link {
    /// The first four octets of the destination MAC.
    destination_head: u32,
    /// The last two.
    destination_tail: u16,
    /// The source MAC and the EtherType.
    source_and_type: u64,
}

impl Link {
    /// The destination MAC in the low 48 bits.
    #[inline(always)]
    pub(crate) const fn destination(&self) -> u64 {
        self.destination_head as u64 | (self.destination_tail as u64) << 32
    }

    /// The source MAC in the low 48 bits.
    #[inline(always)]
    pub(crate) const fn source(&self) -> u64 {
        self.source_and_type & MAC_MASK
    }

    #[inline(always)]
    pub(crate) const fn ethertype(&self) -> Be16 {
        Be16::from_raw((self.source_and_type >> 48) as u16)
    }
}
