//! Writes a newly built IP header into a frame.

use dsr_common::{
    address::Family,
    ip_header::{IpHeader, V4_WORDS, V6_WORDS},
};

use crate::{frame::Frame, wire::Words};

/// Writes the header at `start`; `None` if the frame is too short.
#[inline(always)]
pub(crate) fn write(header: &IpHeader, frame: &mut Frame, start: usize) -> Option<()> {
    match header.family {
        Family::V4 => *frame.at_mut::<Words<V4_WORDS>>(start)? = Words(header.v4()),
        Family::V6 => *frame.at_mut::<Words<V6_WORDS>>(start)? = Words(header.v6()),
    }
    Some(())
}
