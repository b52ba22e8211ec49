//! Headers as they lie in a frame, fields in network byte order.
//!
//! Plain data, valid for every byte pattern. [`crate::parse`] decides where a header is.

pub(crate) mod arp;
pub(crate) mod ethernet;
pub(crate) mod headers;
pub(crate) mod icmp;
pub(crate) mod ipv4;
pub(crate) mod ipv6;
pub(crate) mod ndp;
pub(crate) mod outer;
pub(crate) mod transport;

/// Four bytes in frame byte order.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct Word(pub(crate) u32);

/// Whole words in frame byte order.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct Words<const N: usize>(pub(crate) [u32; N]);

/// An Internet checksum alone.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct Checksum(pub(crate) Be16);

/// A 16-bit number in network byte order.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C, packed)]
pub(crate) struct Be16(u16);

impl Be16 {
    #[inline(always)]
    pub(crate) const fn new(value: u16) -> Self {
        Self(value.to_be())
    }

    #[inline(always)]
    pub(crate) const fn get(self) -> u16 {
        u16::from_be(self.0)
    }

    /// The number as loaded from memory.
    #[inline(always)]
    pub(crate) const fn raw(self) -> u16 {
        self.0
    }

    #[inline(always)]
    pub(crate) const fn from_raw(raw: u16) -> Self {
        Self(raw)
    }
}

/// A 32-bit number in network byte order.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C, packed)]
pub(crate) struct Be32(u32);

impl Be32 {
    #[inline(always)]
    pub(crate) const fn new(value: u32) -> Self {
        Self(value.to_be())
    }

    #[inline(always)]
    pub(crate) const fn get(self) -> u32 {
        u32::from_be(self.0)
    }

    /// The number as loaded from memory.
    #[inline(always)]
    pub(crate) const fn raw(self) -> u32 {
        self.0
    }
}
