//! Rejects packets of services with `on_empty: reject` that have no backend: by a TCP reset, or ICMP unreachable.
//! Rate-limited, and never in reply to packets that must not be answered (RFC 9293 section 3.10.7.1; RFC 1122 section
//! 3.2.2; RFC 4443 section 2.4).

mod reset;
mod unreachable;

use dsr_common::limits::REJECTS_PER_SECOND;

use super::{is_from_host, is_host, swap_macs};
use crate::{
    frame::Frame,
    interface::Interface,
    maps,
    parse::{self, Ip, Link, Part, Payload},
    service,
    wire::{icmp, transport::TCP},
};

/// Turns a packet without a backend into its rejection; `None` if it must be dropped.
#[inline(always)]
pub(crate) fn answer(frame: &mut Frame, interface: &Interface) -> Option<()> {
    let arrival = parse::link(frame, interface).ok()?;
    let start = arrival.link.end();
    let ip = match arrival.payload {
        Payload::Ipv6 => parse::ipv6(frame, start),
        _ => parse::ipv4(frame, start),
    }
    .ok()?;
    answer_packet(frame, &arrival.link, &ip, interface.mac)
}

#[inline(always)]
fn answer_packet(frame: &mut Frame, link: &Link, ip: &Ip, mac: u64) -> Option<()> {
    let answerable = ip.protocol != icmp::protocol(ip.family)
        && matches!(ip.fragment.part, Part::Whole)
        && is_from_host(link)
        && is_host(ip.family, ip.client)
        && !service::is_vip(ip.family, ip.client);
    if !answerable || !maps::may_reject(REJECTS_PER_SECOND) {
        return None;
    }
    if ip.protocol == TCP {
        reset::write(frame, ip)?;
    } else {
        unreachable::write(frame, link, ip)?;
    }
    swap_macs(frame, link, mac)
}
