//! Frame and member in, the frame as it leaves out.

mod l2;

use dsr_common::{interface::MAC_MASK, member::ForwardMode, stats::Reason};

use crate::{count, frame::Frame, maps, parse::Link, select::Choice};

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
pub(crate) fn send(frame: &mut Frame, link: &Link, choice: &Choice) -> Result<Egress, Reason> {
    let member = &choice.member;
    if member.macs_head() & MAC_MASK == link.source {
        // Sent on, it would come back again, for ever.
        count::came_back(choice.row);
        return Err(Reason::DropLoop);
    }
    match member.mode() {
        L2 => l2::rewrite(frame, link, member)?,
        _ => return Err(Reason::DropNoBackend),
    }
    if !maps::redirects() || member.ifindex() == link.ifindex {
        return Ok(Egress::SameInterface);
    }
    maps::redirect(member.device()).map(Egress::Redirected).ok_or(Reason::DropNoBackend)
}
