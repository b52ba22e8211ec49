//! The headers of the fast path as they lie in a frame: Ethernet with at most one VLAN tag, IPv4 without options or
//! IPv6 without extension headers, and a transport header with ports.

use super::{
    Be16,
    ethernet::{self, MACS, TAG},
    transport::TcpHead,
};

/// All headers up to the TCP flags. UDP and SCTP headers are shorter; a frame that ends within this struct is left to
/// the slow path. Every part has alignment one, so there is no padding.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Headers<L, N> {
    pub(crate) link: L,
    pub(crate) network: N,
    pub(crate) transport: TcpHead,
}

/// An Ethernet header without a tag.
pub(crate) type Untagged = ethernet::Header;

/// An Ethernet header with one tag.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct Tagged {
    pub(crate) head: u64,
    pub(crate) tail: u32,
    /// TPID and TCI, as they lie in a frame.
    pub(crate) tag: u32,
    pub(crate) ethertype: Be16,
}

/// A link header of the fast path.
pub(crate) trait Link: Copy {
    /// Bytes before the EtherType.
    const LENGTH: usize;

    /// Destination MAC and the first two bytes of the source MAC, see [`ethernet::Header::head`].
    fn head(&self) -> u64;

    /// The last four bytes of the source MAC.
    fn tail(&self) -> u32;

    /// The source MAC in the low 48 bits of a word.
    #[inline(always)]
    fn source(&self) -> u64 {
        self.head() >> 48 | u64::from(self.tail()) << 16
    }

    /// Writes both MACs, and the tag if there is one.
    fn write(&mut self, head: u64, tail: u32, tag: impl FnOnce() -> u32);
}

impl Link for Untagged {
    const LENGTH: usize = MACS;

    #[inline(always)]
    fn head(&self) -> u64 {
        self.head
    }

    #[inline(always)]
    fn tail(&self) -> u32 {
        self.tail
    }

    #[inline(always)]
    fn write(&mut self, head: u64, tail: u32, _: impl FnOnce() -> u32) {
        (self.head, self.tail) = (head, tail);
    }
}

impl Link for Tagged {
    const LENGTH: usize = MACS + TAG;

    #[inline(always)]
    fn head(&self) -> u64 {
        self.head
    }

    #[inline(always)]
    fn tail(&self) -> u32 {
        self.tail
    }

    #[inline(always)]
    fn write(&mut self, head: u64, tail: u32, tag: impl FnOnce() -> u32) {
        (self.head, self.tail, self.tag) = (head, tail, tag());
    }
}
