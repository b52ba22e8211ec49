//! Refusals for services that ask for them where they have no backend: a TCP reset, or ICMP unreachable. Limited in
//! rate, and never an answer to what must not be answered (RFC 9293 section 3.10.7.1; RFC 1122 section 3.2.2; RFC 4443
//! section 2.4).

mod reset;
mod unreachable;

use dsr_common::limits::REJECTS_PER_SECOND;

use super::{is_from_host, is_host, swap_macs};
use crate::{
    frame::Frame,
    maps,
    parse::{Fragment, Ip, Link},
    service,
    wire::{icmp, transport::TCP},
};

/// Turns a packet for which there is no backend into its refusal; nothing where it has to be dropped.
#[inline(always)]
pub(crate) fn answer(frame: &mut Frame, link: &Link, ip: &Ip, mac: u64) -> Option<()> {
    let answerable = ip.protocol != icmp::protocol(ip.family)
        && matches!(ip.fragment, Fragment::Whole)
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
