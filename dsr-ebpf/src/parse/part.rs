//! Whole datagrams and fragments.

/// Which part of a datagram a packet is.
#[derive(Clone, Copy)]
pub(crate) struct Fragment {
    pub(crate) part: Part,
    /// The identification in packet byte order; zero if the packet is whole. Not stored in the variants: the compiler
    /// may spill a value that some paths leave undefined, which the verifier rejects.
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
    pub(crate) const WHOLE: Self = Self { part: Part::Whole, id: 0 };

    #[inline(always)]
    pub(crate) const fn first(id: u32) -> Self {
        Self { part: Part::First, id }
    }

    #[inline(always)]
    pub(crate) const fn later(id: u32) -> Self {
        Self { part: Part::Later, id }
    }
}
