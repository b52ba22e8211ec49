//! ICMP (RFC 792).

use super::Be16;

pub(crate) const PROTOCOL: u8 = 1;
pub(crate) const ECHO: u8 = 8;
pub(crate) const ECHO_REPLY: u8 = 0;
/// Octets of an echo message without data.
pub(crate) const ECHO_MIN: usize = 8;

/// The part that all messages share.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct Head {
    pub(crate) kind: u8,
    pub(crate) code: u8,
    pub(crate) checksum: Be16,
}
