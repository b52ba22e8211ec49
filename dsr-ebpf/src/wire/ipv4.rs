//! IPv4 (RFC 791).

use super::Be16;

/// Bytes of a header without options.
pub(crate) const MIN: usize = 20;

/// Version 4 and a header of [`MIN`] bytes.
pub(crate) const VERSION_LENGTH: u8 = 0x45;

/// More-fragments flag and fragment offset: both zero in a whole datagram.
pub(crate) const FRAGMENT: Be16 = Be16::new(0x3fff);

/// More-fragments flag alone.
pub(crate) const MORE: Be16 = Be16::new(0x2000);

/// Fragment offset alone.
pub(crate) const OFFSET: Be16 = Be16::new(0x1fff);

/// The header without options.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct Header {
    pub(crate) version_length: u8,
    pub(crate) tos: u8,
    pub(crate) total_length: Be16,
    pub(crate) id: Be16,
    pub(crate) fragment: Be16,
    pub(crate) ttl: u8,
    pub(crate) protocol: u8,
    pub(crate) checksum: Be16,
    pub(crate) source: [u8; 4],
    pub(crate) destination: [u8; 4],
}

const _: () = assert!(size_of::<Header>() == MIN);

impl Header {
    #[inline(always)]
    pub(crate) const fn version(&self) -> u8 {
        self.version_length >> 4
    }

    /// Bytes of the header with its options.
    #[inline(always)]
    pub(crate) const fn length(&self) -> usize {
        (self.version_length & 0xf) as usize * 4
    }

    /// The fragment offset in packet byte order: zero in the first fragment and in a whole datagram.
    #[inline(always)]
    pub(crate) const fn offset(&self) -> u16 {
        self.fragment.raw() & OFFSET.raw()
    }

    /// Whether this is a fragment.
    #[inline(always)]
    pub(crate) const fn is_fragment(&self) -> bool {
        self.fragment.raw() & FRAGMENT.raw() != 0
    }
}
