//! TCP (RFC 9293), UDP (RFC 768) and SCTP (RFC 9260): only the fields that a balancer reads.

use super::{Be16, Be32};

pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const DCCP: u8 = 33;
pub(crate) const SCTP: u8 = 132;
pub(crate) const UDP_LITE: u8 = 136;
/// Bytes of a TCP header without options.
pub(crate) const TCP_MIN: usize = 20;
/// Bytes of a UDP header.
pub(crate) const UDP_MIN: usize = 8;

/// Bytes of an SCTP common header (RFC 9260).
pub(crate) const SCTP_MIN: usize = 12;

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const ACK: u8 = 0x10;

/// The ports, at the same offset in all three protocols.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct Ports {
    pub(crate) source: Be16,
    pub(crate) destination: Be16,
}

/// A TCP header without options.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct TcpHeader {
    pub(crate) source: Be16,
    pub(crate) destination: Be16,
    pub(crate) sequence: Be32,
    pub(crate) acknowledgement: Be32,
    /// Bytes of the header divided by four, in the upper four bits.
    pub(crate) offset: u8,
    pub(crate) flags: u8,
    pub(crate) window: Be16,
    pub(crate) checksum: Be16,
    pub(crate) urgent: Be16,
}

const _: () = assert!(size_of::<TcpHeader>() == TCP_MIN);

/// A TCP header up to its flags.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct TcpHead {
    pub(crate) ports: Ports,
    pub(crate) sequence: [u8; 4],
    pub(crate) acknowledgement: [u8; 4],
    pub(crate) offset: u8,
    pub(crate) flags: u8,
}

impl TcpHead {
    /// Whether the segment opens a connection: SYN without ACK.
    #[inline(always)]
    pub(crate) const fn opens(&self) -> bool {
        self.flags & (SYN | ACK) == SYN
    }
}
