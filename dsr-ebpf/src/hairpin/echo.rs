//! Echo requests to VIPs (RFC 792, RFC 1122 section 3.2.2.6).

use dsr_common::{address::Family, stats::Reason};

use crate::{
    frame::Frame,
    parse::{Icmp, Link},
    service,
    wire::{
        Be16, ethernet,
        icmp::{ECHO, ECHO_MIN, ECHO_REPLY, Head},
        ipv4::{Header, MIN},
    },
};

/// Hops that an answer may take, the value IANA recommends ("IP Option Numbers", default TTL).
const TTL: u8 = 64;

/// Answers an echo request to a VIP; no other ICMP message to a VIP has a receiver here.
#[inline(always)]
pub(crate) fn answer(frame: &mut Frame, link: &Link, message: &Icmp, mac: u64) -> Reason {
    if !service::is_vip(Family::V4, message.vip) {
        return Reason::PassNotVip;
    }
    // Options such as a source route would have to be turned around: no answer.
    if message.header != MIN || message.length < ECHO_MIN || !is_host(message.client.v4_octets()) {
        return Reason::DropIcmp;
    }
    let Some(request) = frame.at::<Head>(message.network + MIN) else {
        return Reason::DropMalformed;
    };
    if request.kind != ECHO || request.code != 0 {
        return Reason::DropIcmp;
    }
    match write_reply(frame, link, message, mac) {
        Some(()) => Reason::AnswerEcho,
        None => Reason::DropMalformed,
    }
}

/// Whether an answer may be sent to this address: not "this network", loopback, a group or the broadcast address.
#[inline(always)]
const fn is_host(source: [u8; 4]) -> bool {
    source[0] != 0 && source[0] != 127 && source[0] < 224
}

#[inline(always)]
fn write_reply(frame: &mut Frame, link: &Link, message: &Icmp, mac: u64) -> Option<()> {
    let echo: &mut Head = frame.at_mut(message.network + MIN)?;
    echo.kind = ECHO_REPLY;
    echo.checksum = adjusted(echo.checksum, word(ECHO, 0), word(ECHO_REPLY, 0));
    let ip: &mut Header = frame.at_mut(message.network)?;
    ip.checksum = adjusted(ip.checksum, word(ip.ttl, ip.protocol), word(TTL, ip.protocol));
    ip.ttl = TTL;
    ip.source = message.vip.v4_octets();
    ip.destination = message.client.v4_octets();
    frame.at_mut::<ethernet::Header>(0)?.set_macs(link.source, mac);
    Some(())
}

/// Two octets as one 16-bit word of a header.
#[inline(always)]
const fn word(first: u8, second: u8) -> u16 {
    u16::from_ne_bytes([first, second])
}

/// A checksum after one word of what it covers has changed: `~(~sum + ~old + new)` (RFC 1624, equation 3). The sum
/// does not depend on byte order (RFC 1071), so all three are taken as they lie in memory.
#[inline(always)]
const fn adjusted(checksum: Be16, old: u16, new: u16) -> Be16 {
    let sum = !checksum.raw() as u32 & 0xffff;
    let sum = sum + (!old as u32 & 0xffff) + new as u32;
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    Be16::from_raw(!(sum as u16))
}
