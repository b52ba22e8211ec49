//! ICMP errors from a VIP: destination unreachable for a packet without a backend, and packet too big for one that does
//! not fit the path to its backend (RFC 792, RFC 1191; RFC 4443, sections 3.1 and 3.2).
//!
//! They quote the packet's IP header and the eight bytes after it, which is what RFC 792 requires and enough for the
//! sender to find its socket. RFC 4443 asks for as much as fits; a checksum over that is not worth its cost here.

use dsr_common::{
    address::Family,
    checksum::{folded, word},
    ip_header::length,
    limits::{QUOTE_MAX, QUOTED_BYTES},
};

use crate::{
    frame::Frame,
    hairpin::{answering, refuse::Refusal},
    ip_header,
    parse::{Ip, Link},
    wire::{
        Be16, Word, ethernet,
        icmp::{self, Error},
        transport::{SCTP, UDP},
    },
};

/// Writes the message around the start of the packet; `None` if the packet is too short or its headers too long.
#[inline(always)]
pub(super) fn write(frame: &mut Frame, link: &Link, ip: &Ip, why: Refusal) -> Option<()> {
    let quote = ip.payload - ip.start + QUOTED_BYTES;
    if quote > QUOTE_MAX || ip.start + quote > ip.end {
        return None;
    }
    let (kind, code, rest) = kind_of(ip, why);
    let sum = sum_of_quote(frame, ip.start, quote)?;
    let room = length(ip.family) + icmp::MIN;
    frame.grow_front(room as i32)?;
    frame.resize(link.end() + room + quote)?;
    move_link_header(frame, room, link)?;
    let payload = (icmp::MIN + quote) as u16;
    let protocol = icmp::protocol(ip.family);
    let header = answering(ip, protocol, payload);
    ip_header::write(&header, frame, ip.start)?;
    let mut message = Error { kind, code, checksum: Be16::new(0), rest };
    let pseudo = if matches!(ip.family, Family::V6) { header.pseudo_sum() } else { 0 };
    let fields = u64::from(word(kind, code)) + u64::from(rest);
    message.checksum = Be16::from_raw(!folded(sum + pseudo + fields));
    *frame.at_mut::<Error>(ip.start + length(ip.family))? = message;
    Some(())
}

/// Type, code and the word before the quotation.
#[inline(always)]
const fn kind_of(ip: &Ip, why: Refusal) -> (u8, u8, u32) {
    match (why, ip.family) {
        (Refusal::TooBig(limit), Family::V4) => (3, 4, limit.to_be()),
        (Refusal::TooBig(limit), Family::V6) => (2, 0, limit.to_be()),
        (Refusal::Unserved, Family::V4) => (3, if matches!(ip.protocol, UDP | SCTP) { 3 } else { 2 }, 0),
        (Refusal::Unserved, Family::V6) => (1, 4, 0),
    }
}

/// The sum over the quotation, whose length is a multiple of four.
#[inline(always)]
fn sum_of_quote(frame: &Frame, start: usize, length: usize) -> Option<u64> {
    let mut sum = 0;
    for index in 0..QUOTE_MAX / 4 {
        if index * 4 < length {
            sum += u64::from(frame.at::<Word>(start + index * 4)?.0);
        }
    }
    Some(sum)
}

/// Moves tags and EtherType to the new start of the frame; the caller writes the MACs.
#[inline(always)]
fn move_link_header(frame: &mut Frame, from: usize, link: &Link) -> Option<()> {
    let ethertype = frame.at::<ethernet::EtherType>(from + link.length)?.0;
    if link.length > ethernet::MACS {
        let outer = frame.at::<Word>(from + ethernet::MACS)?.0;
        frame.at_mut::<Word>(ethernet::MACS)?.0 = outer;
    }
    if link.length > ethernet::MACS + ethernet::TAG {
        let inner = frame.at::<Word>(from + ethernet::MACS + ethernet::TAG)?.0;
        frame.at_mut::<Word>(ethernet::MACS + ethernet::TAG)?.0 = inner;
    }
    frame.at_mut::<ethernet::EtherType>(link.length)?.0 = ethertype;
    Some(())
}
