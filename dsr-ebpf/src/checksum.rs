//! The Internet checksum (RFC 1071). It is independent of byte order, so words are used as loaded from memory.

use crate::wire::Be16;

/// A sum of 32-bit words, folded to 16 bits.
#[inline(always)]
pub(crate) const fn folded(sum: u64) -> u16 {
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    sum as u16
}

/// The sum of the two 32-bit halves of a word.
#[inline(always)]
pub(crate) const fn halves(word: u64) -> u64 {
    (word & 0xffff_ffff) + (word >> 32)
}

/// Two bytes as one word.
#[inline(always)]
pub(crate) const fn word(first: u8, second: u8) -> u16 {
    u16::from_ne_bytes([first, second])
}

/// The checksum after one covered word has changed: `~(~sum + ~old + new)` (RFC 1624, equation 3).
#[inline(always)]
pub(crate) const fn adjusted(checksum: Be16, old: u16, new: u16) -> Be16 {
    let sum = (!checksum.raw() as u64 & 0xffff) + (!old as u64 & 0xffff) + new as u64;
    Be16::from_raw(!folded(sum))
}
