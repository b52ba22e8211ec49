//! Whole datagrams and fragments.

use crate::wire::ipv4::{FRAGMENT, MORE, OFFSET};

/// Which part of a datagram a packet is.
///
/// The bits are kept as the header has them, not as a [`Part`]: the verifier of Linux 6.1 loses track of a constant that
/// is compared after a call of a subprogram, and removes the branch of whole ICMP packets.
#[derive(Clone, Copy)]
pub(crate) struct Fragment {
    /// The more-fragments flag and the fragment offset of an IPv4 header, in packet byte order; both zero if the packet is
    /// whole. Of an IPv6 packet, an equivalent.
    bits: u16,
    /// The identification in packet byte order; meaningless if the packet is whole.
    pub(crate) id: u32,
}

/// Part of a datagram.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// The first fragment, with the transport header.
    First,
    /// A later fragment.
    Later,
}

impl Fragment {
    pub(crate) const WHOLE: Self = Self { bits: 0, id: 0 };

    #[inline(always)]
    pub(crate) const fn first(id: u32) -> Self {
        Self { bits: MORE.raw(), id }
    }

    #[inline(always)]
    pub(crate) const fn later(id: u32) -> Self {
        Self { bits: OFFSET.raw(), id }
    }

    /// From the field of an IPv4 header with flags and offset, in packet byte order.
    #[inline(always)]
    pub(crate) const fn of_ipv4(field: u16, id: u32) -> Self {
        Self { bits: field & FRAGMENT.raw(), id }
    }

    #[inline(always)]
    pub(crate) const fn part(self) -> Part {
        if self.bits == 0 {
            Part::Whole
        } else if self.bits & OFFSET.raw() == 0 {
            Part::First
        } else {
            Part::Later
        }
    }
}
