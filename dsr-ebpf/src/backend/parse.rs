//! The parsers that this program shares with the balancer's.

#[path = "../parse/extension.rs"]
mod extension;
#[path = "../parse/part.rs"]
mod part;

pub(crate) use self::part::{Fragment, Part};
use crate::frame::Frame;

/// The end of an IPv6 packet's extension headers.
pub(crate) struct Walked {
    /// The first header that is not an extension header.
    pub(crate) protocol: u8,
    /// Where it starts.
    pub(crate) payload: usize,
    pub(crate) part: Part,
}

/// Walks the extension headers from the one of type `next` at `at` in a packet that ends at `end`; `None` if there are
/// too many or the packet ends within one.
#[inline(always)]
pub(crate) fn walk(frame: &Frame, next: u8, at: usize, end: usize) -> Option<Walked> {
    let last = extension::walk(frame, next, at, end)?;
    Some(Walked { protocol: last.protocol, payload: last.payload, part: last.fragment.part() })
}
