//! Where a packet goes: service, then select, of a frame whose link and IP headers are read.
//!
//! Enters a frame; leaves the member that it is sent to and what is counted of it, or the reason why it goes no further. It
//! changes no frame but one that is answered from here.

use dsr_common::{service::FLAG_REJECT, stats::Reason};

use crate::{
    frame::Frame,
    hairpin,
    interface::Interface,
    parse::{self, Fragment, Ip, Link, Packet, Plain},
    select::{self, Choice, Datagram},
    service,
    wire::icmp,
};

/// Where a packet goes, and what is counted of it.
pub(crate) struct Route {
    pub(crate) choice: Choice,
    pub(crate) octets: usize,
    pub(crate) opens: bool,
    /// The datagram that this is the first fragment of.
    pub(crate) first_of: Option<Datagram>,
}

/// The way of nearly every packet: one look at its slot. Where there is anything else to say of a frame, the long way says
/// it.
#[inline(always)]
pub(crate) fn plain(frame: &Frame, interface: &Interface) -> Option<(Link, Route)> {
    let Plain { link, packet, end } = parse::plain(frame, interface)?;
    let service = service::exact(&packet.flow)?;
    let row = match select::row_if_stable(&packet.flow, &service) {
        Some(row) => row,
        None => u32::try_from(crate::follow_plain(frame.context())).ok()?,
    };
    let choice = select::at(row).ok()?;
    Some((link, Route { choice, octets: end, opens: packet.opens, first_of: None }))
}

/// The way of a packet to a VIP, or why it has none.
#[inline(always)]
pub(crate) fn of(frame: &mut Frame, link: &Link, ip: &Ip, interface: &Interface) -> Result<Route, Reason> {
    let to_vip = |reason| service::reason_if_vip(ip.family, ip.vip, reason);
    let packet = match (ip.protocol == icmp::protocol(ip.family), ip.fragment) {
        (false, Fragment::Later(id)) => {
            if !service::is_vip(ip.family, ip.vip) {
                return Err(Reason::PassNotVip);
            }
            let choice = select::follow_first(Datagram::of(ip, id))?;
            return Ok(Route { choice, octets: ip.end, opens: false, first_of: None });
        }
        (false, _) => parse::transport(frame, ip).map_err(to_vip)?,
        (true, Fragment::Whole) => about(frame, link, ip, interface)?,
        (true, _) => return Err(to_vip(Reason::DropIcmp)),
    };
    let service = service::find(&packet.flow)?;
    let first_of = match ip.fragment {
        Fragment::First(id) => Some(Datagram::of(ip, id)),
        _ => None,
    };
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
    Ok(Route { choice, octets: ip.end, opens: packet.opens, first_of })
}

/// The packet that an ICMP error is about; any other message of ICMP ends here.
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
