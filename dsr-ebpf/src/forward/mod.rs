//! Packet and member in, the frame as it leaves out.

mod l2;

use dsr_common::{member::ForwardMode, stats::Reason};

use crate::{
    frame::Frame,
    maps::{self, Member},
    parse::Packet,
};

/// How a frame leaves.
pub(crate) enum Egress {
    /// By the interface that it came in on.
    SameInterface,
    /// By another one; the action to return.
    Redirected(u32),
}

const L2: u8 = ForwardMode::L2 as u8;

/// Rewrites the frame for its member and says how it leaves.
#[inline(always)]
pub(crate) fn send(frame: &mut Frame, packet: &Packet, member: &Member) -> Result<Egress, Reason> {
    match member.mode() {
        L2 => l2::rewrite(frame, packet, member)?,
        _ => return Err(Reason::DropNoBackend),
    }
    if !maps::redirects() || member.ifindex() == packet.ifindex {
        return Ok(Egress::SameInterface);
    }
    maps::redirect(member.device()).map(Egress::Redirected).ok_or(Reason::DropNoBackend)
}
