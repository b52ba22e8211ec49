//! Health probes: how the mark of a probe's packets identifies the probed member, and how they are sent.

/// The part of a socket's mark that identifies its packets as probes.
pub const MARK: u32 = 0xd5 << NUMBER_BITS;

/// The byte of a mark that contains [`MARK`].
pub const MARK_MASK: u32 = !(PROBE_NUMBERS - 1);

/// Number of distinguishable probes: numbers are below this.
pub const PROBE_NUMBERS: u32 = 1 << NUMBER_BITS;

const NUMBER_BITS: u32 = 24;

/// The mark of a probe's socket.
pub const fn mark(number: u32) -> u32 {
    MARK | (number & (PROBE_NUMBERS - 1))
}

/// The number in a probe's mark; `None` for any other mark.
#[inline(always)]
pub const fn number(mark: u32) -> Option<u32> {
    if mark & MARK_MASK == MARK { Some(mark & (PROBE_NUMBERS - 1)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_names_its_probe_and_no_other_mark_does() {
        for probe in [0, 1, 4711, PROBE_NUMBERS - 1] {
            assert_eq!(number(mark(probe)), Some(probe));
        }
        assert_eq!([0, 1, 0xd400_0000, 0xd600_0001].map(number), [None; 4]);
    }
}
