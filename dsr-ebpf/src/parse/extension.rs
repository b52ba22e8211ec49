//! IPv6 extension headers (RFC 8200, section 4; RFC 4302), at most [`EXTENSIONS`] of them.
//!
//! The walk is a subprogram: otherwise the verifier would check the code after it once per number of headers. It is
//! called only if there is a header to walk.

use aya_ebpf::bindings::xdp_md;
use dsr_common::limits::EXTENSIONS;

use super::{Fragment, Part};
use crate::{
    frame::{self, Frame},
    subprograms::Scalar,
    wire::ipv6::{
        self, AUTHENTICATION, DESTINATION_OPTIONS, Extension, FRAGMENT, FRAGMENT_LENGTH, HOP_BY_HOP, ROUTING,
    },
};

/// Mask for offsets: gives the verifier a bound that no linear part reaches.
const OFFSETS: usize = 0x3fff;

/// The offset and the more-fragments flag in a fragment header.
const OFFSET: u16 = 0xfff8;
const MORE: u16 = 1;

/// The end of the extension headers.
#[derive(Clone, Copy)]
pub(super) struct Last {
    /// The first header that is not an extension header.
    pub(super) protocol: u8,
    /// Where it starts.
    pub(super) payload: usize,
    pub(super) fragment: Fragment,
}

/// Walks from the header of type `next` at `at`; `None` if a header extends beyond `end`, or there are too many. The
/// data after the header of a later fragment is not examined: it starts in the middle of a payload.
#[inline(always)]
pub(super) fn walk(frame: &Frame, next: u8, at: usize, end: usize) -> Option<Last> {
    if !is_extension(next) {
        return Some(Last { protocol: next, payload: at, fragment: Fragment::WHOLE });
    }
    walk_extensions(frame.context(), next, at as u64, end as u64)
}

subprogram! {
    fn walk_extensions(ctx: *mut xdp_md, next: u8, at: u64, end: u64) -> Option<Last> {
        step_by_step(&Frame::of(ctx), next, at as usize & 0xffff, end as usize & 0x1_ffff)
    }
}

/// The walk itself.
#[inline(always)]
fn step_by_step(frame: &Frame, next: u8, at: usize, end: usize) -> Option<Last> {
    let mut last = Last { protocol: next, payload: at, fragment: Fragment::WHOLE };
    for _ in 0..EXTENSIONS {
        let at = last.payload & OFFSETS;
        match last.protocol {
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS | AUTHENTICATION => {
                let header: &Extension = within(frame, at, 8, end)?;
                let length = usize::from(header.length);
                let bytes = if last.protocol == AUTHENTICATION { (length + 2) * 4 } else { (length + 1) * 8 };
                (last.protocol, last.payload) = (header.next_header, at + bytes);
            }
            FRAGMENT => {
                let header: &ipv6::Fragment = within(frame, at, FRAGMENT_LENGTH, end)?;
                (last.protocol, last.payload) = (header.next_header, at + FRAGMENT_LENGTH);
                let word = header.offset_more.get();
                if word & (OFFSET | MORE) != 0 && !matches!(last.fragment.part(), Part::Whole) {
                    return None; // A fragment of a fragment.
                }
                if word & OFFSET != 0 {
                    last.fragment = Fragment::later(header.id);
                    return Some(last);
                }
                if word & MORE != 0 {
                    last.fragment = Fragment::first(header.id);
                }
            }
            _ => break,
        }
    }
    (!is_extension(last.protocol) && last.payload <= end).then_some(last)
}

#[inline(always)]
const fn is_extension(next: u8) -> bool {
    matches!(next, HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS | AUTHENTICATION | FRAGMENT)
}

/// The header at `at`, if `length` bytes of it are within the packet.
#[inline(always)]
fn within<T: frame::Header>(frame: &Frame, at: usize, length: usize, end: usize) -> Option<&T> {
    if at + length > end {
        return None;
    }
    frame.at(at)
}

const WHOLE: u64 = 1;
const FIRST: u64 = 2;
const LATER: u64 = 3;

/// Bits 0 to 15: where the payload starts. 16 to 23: the protocol. 24 and 25: zero for `None`, otherwise the part of a
/// datagram. 32 to 63: the identification.
impl Scalar for Option<Last> {
    type Raw = u64;

    #[inline(always)]
    fn scalar(self) -> u64 {
        let Some(Last { protocol, payload, fragment }) = self else { return 0 };
        let part = match fragment.part() {
            Part::Whole => WHOLE,
            Part::First => FIRST,
            Part::Later => LATER,
        };
        payload as u64 & 0xffff | u64::from(protocol) << 16 | part << 24 | u64::from(fragment.id) << 32
    }

    #[inline(always)]
    fn from_scalar(word: u64) -> Self {
        let id = (word >> 32) as u32;
        let fragment = match word >> 24 & 3 {
            WHOLE => Fragment::WHOLE,
            FIRST => Fragment::first(id),
            LATER => Fragment::later(id),
            _ => return None,
        };
        Some(Last { protocol: (word >> 16) as u8, payload: word as usize & OFFSETS, fragment })
    }
}
