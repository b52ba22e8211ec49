//! Neighbour discovery for IPv6 (RFC 4861).

use super::{Be16, ipv6::Words};

pub(crate) const SOLICITATION: u8 = 135;
pub(crate) const ADVERTISEMENT: u8 = 136;
/// Length of either message without options.
pub(crate) const MIN: usize = 24;
/// Hop limit of every message: routers would have decremented it (section 3.1).
pub(crate) const HOP_LIMIT: u8 = 255;

/// Solicited flag (section 4.4).
pub(crate) const SOLICITED: u8 = 0x40;
/// Override flag.
pub(crate) const OVERRIDE: u8 = 0x20;

/// The source link-layer address option (section 4.6.1).
pub(crate) const SOURCE_MAC: u8 = 1;
/// The target link-layer address option.
pub(crate) const TARGET_MAC: u8 = 2;

/// A solicitation or an advertisement without options.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct Message {
    pub(crate) kind: u8,
    pub(crate) code: u8,
    pub(crate) checksum: Be16,
    pub(crate) flags: u8,
    pub(crate) reserved: [u8; 3],
    pub(crate) target: Words,
}

const _: () = assert!(size_of::<Message>() == MIN);

/// An advertisement with the target link-layer address option (section 4.6.1).
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct Advertisement {
    pub(crate) message: Message,
    /// [`TARGET_MAC`].
    pub(crate) option: u8,
    /// In units of eight bytes.
    pub(crate) option_length: u8,
    pub(crate) mac: [u8; 6],
}

/// Bytes of an advertisement with its option.
pub(crate) const ADVERTISEMENT_LENGTH: usize = 32;

const _: () = assert!(size_of::<Advertisement>() == ADVERTISEMENT_LENGTH);
