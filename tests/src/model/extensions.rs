//! IPv6 extension headers (RFC 8200, 4; RFC 4302, 2): what is behind them.

use dsr_common::limits::EXTENSIONS;

use super::packet::Fragment;

/// Numbers of the headers that are walked.
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;

/// Where a walk ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Walked {
    /// The first header that is none of those, or what the fragment header of a later fragment says.
    pub(super) protocol: u8,
    /// Where it begins.
    pub(super) offset: usize,
    pub(super) fragment: Fragment,
}

/// Walks from the header number `next` at the start of `bytes`. Nothing where a header reaches beyond them, where
/// there are too many, or where a fragment holds another.
pub(super) fn walk(next: u8, bytes: &[u8]) -> Option<Walked> {
    let mut at = Walked { protocol: next, offset: 0, fragment: Fragment::Whole };
    let mut walked = 0;
    while matches!(at.protocol, HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION_OPTIONS) {
        walked += 1;
        if walked > EXTENSIONS {
            return None;
        }
        // None of them is shorter than eight bytes.
        let header = bytes.get(at.offset..)?.first_chunk::<8>()?;
        let length = match at.protocol {
            FRAGMENT => 8,
            AUTHENTICATION => (usize::from(header[1]) + 2) * 4,
            _ => (usize::from(header[1]) + 1) * 8,
        };
        if at.offset + length > bytes.len() {
            return None;
        }
        if at.protocol == FRAGMENT {
            at.fragment = fragment(*header, at.fragment)?;
        }
        (at.protocol, at.offset) = (header[0], at.offset + length);
        if matches!(at.fragment, Fragment::Later(_)) {
            break;
        }
    }
    Some(at)
}

/// What a fragment header says; one without offset and with nothing to come (RFC 6946) says nothing.
fn fragment(header: [u8; 8], before: Fragment) -> Option<Fragment> {
    let word = u16::from_be_bytes([header[2], header[3]]);
    let (offset, more) = (word >> 3, word & 1 == 1);
    let identification = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
    match (offset, more) {
        (0, false) => Some(before),
        _ if before != Fragment::Whole => None,
        (0, true) => Some(Fragment::First(identification)),
        _ => Some(Fragment::Later(identification)),
    }
}
