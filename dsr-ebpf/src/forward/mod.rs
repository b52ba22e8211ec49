//! Frame and member in, outgoing frame out.

mod l2;

use dsr_common::{forward::ForwardMode, interface::MAC_MASK, stats::Reason};

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
    /// By the ingress interface.
    SameInterface,
    /// By another one; contains the action to return.
    Redirected(u32),
}

const L2: u8 = ForwardMode::L2 as u8;

/// Rewrites the frame for its member and returns how it leaves.
#[inline(always)]
pub(crate) fn send(frame: &mut Frame, link: &Link, choice: &Choice) -> Result<Egress, Reason> {
    let member = &choice.member;
    if member.macs_head() & MAC_MASK == link.source {
        // Forwarded again, it would loop.
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

/// Rewrites the link header of a frame that leaves by the ingress interface with a link header of the same length.
/// Returns `None`, with nothing written, if more is needed: [`send`] handles it.
#[inline(always)]
pub(crate) fn rewrite_in_place<L: headers::Link>(link: &mut L, member: &Member, ifindex: u32) -> Option<()> {
    let head = member.macs_head();
    // Four bytes of the MACs rule out a looped frame in nearly every case; `send` compares all six.
    if (head >> 16) as u32 == link.tail() || !member.is_l2(L::LENGTH) || !leaves_by(member, ifindex) {
        return None;
    }
    link.write(head, member.macs_tail(), || member.tag(0));
    Some(())
}

/// Whether the member is reached by the ingress interface.
#[inline(always)]
fn leaves_by(member: &Member, ifindex: u32) -> bool {
    member.ifindex() == ifindex || !maps::redirects()
}
