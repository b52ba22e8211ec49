//! IPv6 (RFC 8200) and its extension headers.

use super::Be16;

/// Bytes of the header.
pub(crate) const HEADER: usize = 40;

pub(crate) const HOP_BY_HOP: u8 = 0;
pub(crate) const ROUTING: u8 = 43;
pub(crate) const FRAGMENT: u8 = 44;
pub(crate) const AUTHENTICATION: u8 = 51;
pub(crate) const NO_NEXT_HEADER: u8 = 59;
pub(crate) const DESTINATION_OPTIONS: u8 = 60;

/// The header.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct Header {
    pub(crate) version_class_label: [u8; 4],
    pub(crate) payload_length: Be16,
    pub(crate) next_header: u8,
    pub(crate) hop_limit: u8,
    pub(crate) source: Words,
    pub(crate) destination: Words,
}

const _: () = assert!(size_of::<Header>() == HEADER);

/// An address as two words in packet byte order.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct Words {
    pub(crate) hi: u64,
    pub(crate) lo: u64,
}

impl Header {
    #[inline(always)]
    pub(crate) const fn version(&self) -> u8 {
        self.version_class_label[0] >> 4
    }

    /// DSCP and ECN.
    #[inline(always)]
    pub(crate) const fn traffic_class(&self) -> u8 {
        self.version_class_label[0] << 4 | self.version_class_label[1] >> 4
    }

    #[inline(always)]
    pub(crate) const fn set_traffic_class(&mut self, class: u8) {
        let [first, second, ..] = self.version_class_label;
        self.version_class_label[0] = first & 0xf0 | class >> 4;
        self.version_class_label[1] = class << 4 | second & 0xf;
    }
}

/// The first two bytes of an extension header.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct Extension {
    pub(crate) next_header: u8,
    /// In units that depend on the header.
    pub(crate) length: u8,
}

/// A fragment header.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct Fragment {
    pub(crate) next_header: u8,
    pub(crate) reserved: u8,
    /// Offset in the upper 13 bits, more-fragments flag in the lowest bit.
    pub(crate) offset_more: Be16,
    pub(crate) id: u32,
}

/// Bytes of a fragment header.
pub(crate) const FRAGMENT_LENGTH: usize = 8;

const _: () = assert!(size_of::<Fragment>() == FRAGMENT_LENGTH);
