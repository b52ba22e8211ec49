//! The IP header of a packet as it arrived: first what tells a tunnel from other traffic, then, for a balancer's tunnel,
//! whether the header is valid. The kernel does not look at it any more.

use dsr_common::{
    address::{Address, Family},
    backend::Reason,
    checksum::folded,
};

use crate::{
    frame::Frame,
    link::Link,
    parse::{Fragment, Part, walk},
    wire::{Word, ipv4, ipv6},
};

/// An IP header whose lengths were not checked yet.
pub(crate) struct Outer {
    pub(crate) family: Family,
    pub(crate) source: Address,
    pub(crate) destination: Address,
    /// Type of service, or traffic class.
    pub(crate) class: u8,
    /// The protocol after options and extension headers.
    pub(crate) protocol: u8,
    /// Where the header starts.
    pub(crate) start: usize,
    /// Where that protocol's header starts.
    pub(crate) payload: usize,
    /// Where the packet ends; the frame may be longer or shorter.
    pub(crate) end: usize,
    pub(crate) part: Part,
}

/// A valid outer header.
pub(crate) struct Checked {
    /// Where the payload starts.
    pub(crate) payload: usize,
    /// Where the packet ends, within the frame.
    pub(crate) end: usize,
    /// The ECN field (RFC 3168).
    pub(crate) ecn: u8,
}

/// Reads the IP header after a link header. What has none is no concern of this program.
#[inline(always)]
pub(crate) fn parse(frame: &Frame, link: &Link) -> Result<Outer, Reason> {
    match link.family {
        Family::V4 => v4(frame, link.end()),
        Family::V6 => v6(frame, link.end()),
    }
    .ok_or(Reason::PassOther)
}

#[inline(always)]
fn v4(frame: &Frame, start: usize) -> Option<Outer> {
    let ip: &ipv4::Header = frame.at(start)?;
    if ip.version() != 4 || ip.length() < ipv4::MIN {
        return None;
    }
    let part = Fragment::of_ipv4(ip.fragment.raw(), 0).part();
    Some(Outer {
        family: Family::V4,
        source: Address::from_v4(ip.source),
        destination: Address::from_v4(ip.destination),
        class: ip.tos,
        protocol: ip.protocol,
        start,
        payload: start + ip.length(),
        end: start + usize::from(ip.total_length.get()),
        part,
    })
}

#[inline(always)]
fn v6(frame: &Frame, start: usize) -> Option<Outer> {
    let ip: &ipv6::Header = frame.at(start)?;
    if ip.version() != 6 {
        return None;
    }
    let end = start + ipv6::HEADER + usize::from(ip.payload_length.get());
    let walked = walk(frame, ip.next_header, start + ipv6::HEADER, end)?;
    let ip: &ipv6::Header = frame.at(start)?;
    Some(Outer {
        family: Family::V6,
        source: Address { hi: ip.source.hi, lo: ip.source.lo },
        destination: Address { hi: ip.destination.hi, lo: ip.destination.lo },
        class: ip.version_class_label[0] << 4 | ip.version_class_label[1] >> 4,
        protocol: walked.protocol,
        start,
        payload: walked.payload,
        end,
        part: walked.part,
    })
}

/// Checks the header of a whole packet: its lengths and, in IPv4, its checksum.
#[inline(always)]
pub(crate) fn check(frame: &Frame, outer: &Outer) -> Result<Checked, Reason> {
    if !matches!(outer.part, Part::Whole) {
        return Err(Reason::PassFragment);
    }
    if outer.payload > outer.end || !fits(frame, outer.end) {
        return Err(Reason::PassMalformed);
    }
    if matches!(outer.family, Family::V4) && !is_sound(frame, outer) {
        return Err(Reason::PassMalformed);
    }
    Ok(Checked { payload: outer.payload, end: outer.end, ecn: outer.class & ECN })
}

/// Whether the frame contains `length` bytes, in one buffer or several.
#[inline(always)]
pub(crate) fn fits(frame: &Frame, length: usize) -> bool {
    length <= frame.length() || frame.whole_length() >= length
}

/// Whether the checksum of an IPv4 header is correct.
#[inline(always)]
fn is_sound(frame: &Frame, outer: &Outer) -> bool {
    let (length, mut sum) = (outer.payload - outer.start, 0);
    for word in 0..WORDS_MAX {
        if word * WORD >= length {
            break;
        }
        let Some(word) = frame.at::<Word>(outer.start + word * WORD) else { return false };
        sum += u64::from(word.0);
    }
    folded(sum) == CORRECT
}

/// Bits of the ECN field.
const ECN: u8 = 3;
/// Words of the longest IPv4 header (RFC 791).
const WORDS_MAX: usize = 15;
/// Bytes of a word.
const WORD: usize = 4;
/// The folded sum over a header with its checksum (RFC 1071).
const CORRECT: u16 = 0xffff;
