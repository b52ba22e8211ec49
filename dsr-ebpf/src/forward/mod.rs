//! Frame and member in, outgoing frame out: one file per kind of forward mode.

mod dscp;
mod encapsulate;
mod l2;

use dsr_common::{address::Family, forward::ForwardMode, interface::MAC_MASK, stats::Reason, tunnel::Inner};

use crate::{
    count,
    frame::Frame,
    maps::{self, Member, NextHop, Tunnel},
    parse::{Ip, Link, Part},
    select::Choice,
    wire::headers,
};

/// How a frame leaves.
pub(crate) enum Egress {
    /// By the ingress interface.
    SameInterface,
    /// By another one; contains the action to return.
    Redirected(u32),
    /// It does not: its packet is larger than this, the largest that fits the path.
    TooBig(u32),
}

/// What forwarding needs to know of an IP packet.
#[derive(Clone, Copy)]
pub(crate) struct Packet {
    pub(crate) family: Family,
    /// The protocol after the header and its options or extension headers.
    pub(crate) protocol: u8,
    /// DSCP and ECN.
    pub(crate) traffic_class: u8,
    /// Where that protocol's header starts.
    pub(crate) payload: usize,
    /// Where the packet ends.
    pub(crate) end: usize,
    /// Whether the packet has no transport header: a later fragment.
    pub(crate) is_later: bool,
}

impl Packet {
    #[inline(always)]
    pub(crate) const fn of(ip: &Ip) -> Self {
        let is_later = matches!(ip.fragment.part(), Part::Later);
        let &Ip { family, protocol, traffic_class, payload, end, .. } = ip;
        Self { family, protocol, traffic_class, payload, end, is_later }
    }
}

/// Rewrites the frame for a member in forward mode `l2` and returns how it leaves.
#[inline(always)]
pub(crate) fn send(frame: &mut Frame, link: &Link, choice: &Choice) -> Result<Egress, Reason> {
    if !choice.member.is_in(ForwardMode::L2) {
        return Err(Reason::DropNoBackend);
    }
    let hop = choice.member.next_hop();
    if hop.macs_head() & MAC_MASK == link.source {
        // Forwarded again, it would loop.
        count::came_back(choice.row);
        return Err(Reason::DropLoop);
    }
    l2::rewrite(frame, link, hop)?;
    leave(hop, link.ifindex)
}

/// How packets cross routers.
#[derive(Clone, Copy)]
pub(crate) enum Across {
    /// In forward mode `dscp`.
    Renamed,
    /// In one that encapsulates.
    Encapsulated,
}

/// How the member's packets cross routers; `None` if they do not. The verifier removes the code of modes that no pool has.
#[inline(always)]
pub(crate) fn across_routers(member: &Member) -> Option<Across> {
    if maps::encapsulates() && member.encapsulates() {
        Some(Across::Encapsulated)
    } else if maps::dscp() && member.is_in(ForwardMode::Dscp) {
        Some(Across::Renamed)
    } else {
        None
    }
}

/// Rewrites the frame for a member in a mode that crosses routers and returns how it leaves. A packet that is larger than
/// fits the path stays as it is.
#[inline(always)]
pub(crate) fn send_across_routers(
    frame: &mut Frame,
    link: &Link,
    packet: &Packet,
    choice: &Choice,
    across: Across,
) -> Result<Egress, Reason> {
    let tunnel = choice.member.tunnel();
    let (start, limit) = (link.end(), tunnel.limit());
    let length = packet.end - start;
    if length > usize::from(limit) {
        return Ok(Egress::TooBig(u32::from(limit)));
    }
    let hop = next_hop(choice, &tunnel).ok_or(Reason::DropInconsistent)?;
    match across {
        Across::Renamed => {
            dscp::rewrite(frame, link, packet, choice.member.backend(), tunnel.dscp()).ok_or(Reason::DropMalformed)?;
            l2::rewrite(frame, link, hop)?;
        }
        Across::Encapsulated => {
            let inner = Inner { length: length as u16, traffic_class: packet.traffic_class, hash: choice.hash };
            encapsulate::write(frame, start, &inner, &tunnel, hop).ok_or(Reason::DropInconsistent)?;
        }
    }
    leave(hop, link.ifindex)
}

/// The next hop of a packet across routers: one of several by the flow's hash, or that of the member.
#[inline(always)]
fn next_hop(choice: &Choice, tunnel: &Tunnel) -> Option<NextHop> {
    if maps::multipath() && tunnel.group() != 0 {
        return maps::next_hop(tunnel.group(), choice.hash);
    }
    Some(choice.member.next_hop())
}

#[inline(always)]
fn leave(hop: NextHop, ingress: u32) -> Result<Egress, Reason> {
    if leaves_by(hop, ingress) {
        return Ok(Egress::SameInterface);
    }
    maps::redirect(hop.device()).map(Egress::Redirected).ok_or(Reason::DropNoBackend)
}

/// Rewrites the link header of a frame that leaves by the ingress interface with a link header of the same length.
/// Returns `None`, with nothing written, if more is needed: [`send`] handles it.
#[inline(always)]
pub(crate) fn rewrite_in_place<L: headers::Link>(link: &mut L, member: &Member, ifindex: u32) -> Option<()> {
    let hop = member.next_hop();
    let head = hop.macs_head();
    // Four bytes of the MACs rule out a looped frame in nearly every case; `send` compares all six.
    if (head >> 16) as u32 == link.tail() || !member.is_l2(L::LENGTH) || !leaves_by(hop, ifindex) {
        return None;
    }
    link.write(head, hop.macs_tail(), || hop.tag(0));
    Some(())
}

/// Whether the next hop is reached by the ingress interface.
#[inline(always)]
fn leaves_by(hop: NextHop, ifindex: u32) -> bool {
    hop.ifindex() == ifindex || !maps::redirects()
}
