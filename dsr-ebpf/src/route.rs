//! Where a packet goes: the stages service and select, for a frame whose link and IP headers are parsed.
//!
//! In: a frame. Out: the member it is sent to, or the reason why it is not. Only frames that are answered here are
//! modified.

use aya_ebpf::bindings::xdp_md;
use dsr_common::{
    service::{FLAG_REJECT, FLAG_VLANS},
    stats::Reason,
};

use crate::{
    frame::Frame,
    hairpin,
    interface::Interface,
    parse::{self, Fault, Ip, Link, Packet, Part, Shape},
    select::{self, Choice, Datagram},
    service,
    wire::icmp,
};

/// Where a packet goes.
pub(crate) struct Route {
    pub(crate) choice: Choice,
    /// Whether it opens a TCP connection.
    pub(crate) opens: bool,
    /// The datagram whose first fragment this is.
    pub(crate) first_of: Option<Datagram>,
}

subprogram! {
    /// The member's row for a fast-path frame that needs more than a slot lookup; `None` if the slow path must handle
    /// it. Parses the frame again, so that the fast path keeps its registers.
    pub(crate) fn follow(ctx: *mut xdp_md, shape: Shape) -> Option<u32> {
        parse::reparse(&Frame::of(ctx), shape).and_then(|packet| {
            let service = service::exact(&packet.flow)?;
            // The slow path checks the VLAN of a VIP with a VLAN list.
            if service.is_passed() || service.table.flags() & FLAG_VLANS != 0 {
                return None;
            }
            select::row(&packet, &service).ok()
        })
    }
}

/// The reason for a frame in which no packet could be parsed.
#[inline(always)]
pub(crate) fn reason_of_fault(fault: Fault) -> Reason {
    match fault {
        Fault::Absent(reason) => reason,
        Fault::Malformed(family, address) => service::reason_if_vip(family, address, Reason::DropMalformed),
    }
}

/// The route of a packet to a VIP, or why it has none.
#[inline(always)]
pub(crate) fn of(frame: &mut Frame, link: &Link, ip: &Ip, interface: &Interface) -> Result<Route, Reason> {
    let to_vip = |reason| service::reason_if_vip(ip.family, ip.vip, reason);
    let packet = match (ip.protocol == icmp::protocol(ip.family), ip.fragment.part()) {
        (false, Part::Later) => {
            if !service::is_vip(ip.family, ip.vip) {
                return Err(Reason::PassNotVip);
            }
            let choice = select::follow_first(Datagram::of(ip))?;
            return Ok(Route { choice, opens: false, first_of: None });
        }
        (false, _) => parse::transport(frame, ip).map_err(to_vip)?,
        (true, Part::Whole) => about(frame, link, ip, interface)?,
        (true, _) => return Err(to_vip(Reason::DropIcmp)),
    };
    let service = service::find(&packet.flow)?;
    let first_of = matches!(ip.fragment.part(), Part::First).then(|| Datagram::of(ip));
    if service.is_passed() {
        if let Some(datagram) = first_of {
            datagram.remember_passed();
        }
        return Err(Reason::PassAgentDead);
    }
    let choice = match select::member(&packet, &service) {
        Err(Reason::DropNoBackend) if service.table.flags() & FLAG_REJECT != 0 => Err(Reason::AnswerReject),
        choice => choice,
    }?;
    Ok(Route { choice, opens: packet.opens, first_of })
}

/// The packet that an ICMP error is about; every other ICMP message ends here.
#[inline(always)]
fn about(frame: &mut Frame, link: &Link, ip: &Ip, interface: &Interface) -> Result<Packet, Reason> {
    if !service::is_vip(ip.family, ip.vip) {
        return Err(Reason::PassNotVip);
    }
    if ip.payload + icmp::MIN > ip.end {
        return Err(Reason::DropMalformed);
    }
    let head: &icmp::Head = frame.at(ip.payload).ok_or(Reason::DropMalformed)?;
    let (kind, code) = (head.kind, head.code);
    if kind == icmp::echo(ip.family).0 && code == 0 {
        return Err(hairpin::echo::answer(frame, link, ip, interface.mac));
    }
    if !icmp::is_error(ip.family, kind) {
        return Err(Reason::DropIcmp);
    }
    parse::quoted(frame, ip).ok_or(Reason::DropIcmp)
}
