//! The Internet checksum (RFC 1071). It does not depend on byte order, so words are taken as they lie in memory.

use crate::wire::Be16;

/// The sum of 32-bit words, folded into 16 bits.
#[inline(always)]
pub(crate) const fn folded(sum: u64) -> u16 {
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    sum as u16
}

/// The two 32-bit words of a 64-bit one.
#[inline(always)]
pub(crate) const fn halves(word: u64) -> u64 {
    (word & 0xffff_ffff) + (word >> 32)
}

/// Two bytes as one word.
#[inline(always)]
pub(crate) const fn word(first: u8, second: u8) -> u16 {
    u16::from_ne_bytes([first, second])
}

/// A checksum after one word of what it covers has changed: `~(~sum + ~old + new)` (RFC 1624, equation 3).
#[inline(always)]
pub(crate) const fn adjusted(checksum: Be16, old: u16, new: u16) -> Be16 {
    let sum = (!checksum.raw() as u64 & 0xffff) + (!old as u64 & 0xffff) + new as u64;
    Be16::from_raw(!folded(sum))
}
