//! ICMP (RFC 792) and `ICMPv6` (RFC 4443).

use dsr_common::address::Family;

use super::Be16;

pub(crate) const V4: u8 = 1;
pub(crate) const V6: u8 = 58;

/// Length of the shortest message parsed: an echo without data, or an error before its quoted packet.
pub(crate) const MIN: usize = 8;

/// The fields that all messages share.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct Head {
    pub(crate) kind: u8,
    pub(crate) code: u8,
    pub(crate) checksum: Be16,
}

/// Destination unreachable or packet too big, up to the quoted packet.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct Error {
    pub(crate) kind: u8,
    pub(crate) code: u8,
    pub(crate) checksum: Be16,
    /// In "fragmentation needed" and "packet too big", the largest packet in its last 16 or 32 bits, in network byte
    /// order; otherwise zero.
    pub(crate) rest: u32,
}

const _: () = assert!(size_of::<Error>() == MIN);

/// The protocol number of a family's ICMP.
#[inline(always)]
pub(crate) const fn protocol(family: Family) -> u8 {
    match family {
        Family::V4 => V4,
        Family::V6 => V6,
    }
}

/// Types of echo request and reply.
#[inline(always)]
pub(crate) const fn echo(family: Family) -> (u8, u8) {
    match family {
        Family::V4 => (8, 0),
        Family::V6 => (128, 129),
    }
}

/// Whether the message quotes a packet: destination unreachable, packet too big, time exceeded, parameter problem. A
/// redirect quotes one as well, but is meant for hosts.
#[inline(always)]
pub(crate) const fn is_error(family: Family, kind: u8) -> bool {
    match family {
        Family::V4 => matches!(kind, 3 | 11 | 12),
        Family::V6 => matches!(kind, 1..=4),
    }
}
