//! Frame and member in, the frame as it leaves out.

mod l2;

use dsr_common::{interface::MAC_MASK, member::ForwardMode, stats::Reason};

use crate::{
    count,
    frame::Frame,
    maps::{self, Member},
    parse::Link,
    select::Choice,
    wire::headers,
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
    if leaves_by(member, link.ifindex) {
        return Ok(Egress::SameInterface);
    }
    maps::redirect(member.device()).map(Egress::Redirected).ok_or(Reason::DropNoBackend)
}

/// Rewrites the link header of a frame that leaves by the interface that it came in on, with as many bytes in front of
/// its packet. Nothing, and nothing written, where it takes more than that: [`send`] knows the rest.
#[inline(always)]
pub(crate) fn rewrite_in_place<L: headers::Link>(link: &mut L, member: &Member, ifindex: u32) -> Option<()> {
    let head = member.macs_head();
    // Four bytes of the MACs tell nearly every frame from one that came back; `send` compares all six.
    if (head >> 16) as u32 == link.tail() || !member.is_l2(L::LENGTH) || !leaves_by(member, ifindex) {
        return None;
    }
    link.write(head, member.macs_tail(), || member.tag(0));
    Some(())
}

/// Whether the member is reached by the interface that the frame came in on.
#[inline(always)]
fn leaves_by(member: &Member, ifindex: u32) -> bool {
    member.ifindex() == ifindex || !maps::redirects()
}
