//! The Internet checksum (RFC 1071). It is independent of byte order, so words are used as loaded from memory.

/// A sum of 32-bit words, folded to 16 bits.
#[inline(always)]
pub const fn folded(sum: u64) -> u16 {
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    sum as u16
}

/// The sum of the two 32-bit halves of a word.
#[inline(always)]
pub const fn halves(word: u64) -> u64 {
    (word & 0xffff_ffff) + (word >> 32)
}

/// Two bytes as one word.
#[inline(always)]
pub const fn word(first: u8, second: u8) -> u16 {
    u16::from_ne_bytes([first, second])
}

/// What a sum changes by if a covered word does: to be given to [`adjusted_by`]. Changes can be added up.
#[inline(always)]
pub const fn change_of(old: u64, new: u64) -> u64 {
    halves(!old) + halves(new)
}

/// The checksum after one covered word has changed.
#[inline(always)]
pub const fn adjusted(checksum: u16, old: u16, new: u16) -> u16 {
    adjusted_by(checksum, !old as u64 + new as u64)
}

/// The checksum after covered words have changed: `~(~sum + ~old + new)` (RFC 1624, equation 3).
#[inline(always)]
pub const fn adjusted_by(checksum: u16, change: u64) -> u16 {
    !folded(!checksum as u64 + change)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_example_of_the_rfc_has_its_sum() {
        // RFC 1071, section 3.
        let bytes = u64::from_ne_bytes([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
        assert_eq!(folded(halves(bytes)).to_ne_bytes(), [0xdd, 0xf2]);
    }

    proptest! {
        #[test]
        fn an_adjusted_checksum_is_the_one_summed_anew(rest: u32, old: u64, new: u64) {
            // Some word is not zero, as in every IP packet: otherwise the sum has two representations.
            let sum = |word: u64| !folded(u64::from(rest | 1) + halves(word));
            prop_assert_eq!(adjusted_by(sum(old), change_of(old, new)), sum(new));
        }
    }
}
