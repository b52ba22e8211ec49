//! Echo requests to VIPs (RFC 792 and RFC 1122 section 3.2.2.6; RFC 4443 section 4.1).

use dsr_common::{
    address::Family,
    checksum::{adjusted, word},
    ip_header::TTL,
    stats::Reason,
};

use super::{is_from_host, is_host, swap_macs};
use crate::{
    frame::Frame,
    parse::{Ip, Link},
    service,
    wire::{
        Be16,
        icmp::{self, Head},
        ipv4,
        ipv6::{self, Words},
    },
};

/// Answers an echo request to a VIP in its frame. Packets with options are not answered: a source route would have to
/// be reversed.
#[inline(always)]
pub(crate) fn answer(frame: &mut Frame, link: &Link, ip: &Ip, mac: u64) -> Reason {
    let answerable = ip.is_plain && is_from_host(link) && is_host(ip.family, ip.client);
    if !answerable || service::is_vip(ip.family, ip.client) {
        return Reason::DropIcmp;
    }
    match write_reply(frame, link, ip, mac) {
        Some(()) => Reason::AnswerEcho,
        None => Reason::DropMalformed,
    }
}

#[inline(always)]
fn write_reply(frame: &mut Frame, link: &Link, ip: &Ip, mac: u64) -> Option<()> {
    let (request, reply) = icmp::echo(ip.family);
    let echo: &mut Head = frame.at_mut(ip.payload)?;
    echo.kind = reply;
    echo.checksum = Be16::from_raw(adjusted(echo.checksum.raw(), word(request, 0), word(reply, 0)));
    match ip.family {
        Family::V4 => {
            let header: &mut ipv4::Header = frame.at_mut(ip.start)?;
            let protocol = header.protocol;
            let (old, new) = (word(header.ttl, protocol), word(TTL, protocol));
            header.checksum = Be16::from_raw(adjusted(header.checksum.raw(), old, new));
            header.ttl = TTL;
            header.source = ip.vip.v4_octets();
            header.destination = ip.client.v4_octets();
        }
        Family::V6 => {
            let header: &mut ipv6::Header = frame.at_mut(ip.start)?;
            header.hop_limit = TTL;
            header.source = Words { hi: ip.vip.hi, lo: ip.vip.lo };
            header.destination = Words { hi: ip.client.hi, lo: ip.client.lo };
        }
    }
    swap_macs(frame, link, mac)
}
