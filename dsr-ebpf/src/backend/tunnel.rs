//! Tunnel headers: IPIP (RFC 2003, RFC 2473, RFC 4213), GRE (RFC 2784, key of RFC 2890), and GUE in variants 0 and 1
//! (draft-ietf-intarea-gue).

use dsr_common::{
    address::Family,
    backend::{Reason, UDP},
};

use crate::{
    frame::Frame,
    maps,
    outer::{Checked, Outer},
    parse::Part,
    wire::Word,
};

/// A tunnel that ends here.
#[derive(Clone, Copy)]
pub(crate) enum Tunnel {
    /// IP in IP, and the family of the inner packet.
    Ipip(Family),
    Gre,
    Gue,
}

/// The payload of a tunnel.
pub(crate) struct Payload {
    pub(crate) family: Family,
    /// Where the inner packet starts.
    pub(crate) start: usize,
    /// Where the outer packet ends.
    pub(crate) end: usize,
}

/// The tunnel that a packet belongs to, by its protocol and port alone. A fragment of a UDP datagram may be GUE's.
#[inline(always)]
pub(crate) fn of(frame: &Frame, outer: &Outer) -> Option<Tunnel> {
    match outer.protocol {
        IPV4 if maps::ipip() != 0 => Some(Tunnel::Ipip(Family::V4)),
        IPV6 if maps::ipip() != 0 => Some(Tunnel::Ipip(Family::V6)),
        GRE if maps::gre() != 0 => Some(Tunnel::Gre),
        UDP if maps::gue_port() != 0 => {
            let is_gue = match outer.part {
                Part::Whole | Part::First => u32::from(half(frame, outer.payload)?.1) == maps::gue_port(),
                Part::Later => is_likely_gue(outer),
            };
            is_gue.then_some(Tunnel::Gue)
        }
        _ => None,
    }
}

/// Whether a later fragment of UDP is counted as a tunnel's: it has no port, so the sender decides.
#[inline(always)]
fn is_likely_gue(outer: &Outer) -> bool {
    maps::is_balancer(outer.family, outer.source)
}

/// Reads the tunnel's header.
#[inline(always)]
pub(crate) fn payload(frame: &Frame, outer: &Checked, tunnel: Tunnel) -> Result<Payload, Reason> {
    let (family, start) = match tunnel {
        Tunnel::Ipip(family) => (family, outer.payload),
        Tunnel::Gre => gre(frame, outer)?,
        Tunnel::Gue => gue(frame, outer)?,
    };
    Ok(Payload { family, start, end: outer.end })
}

/// A packet with a checksum, a sequence number or reserved bits is not accepted; balancers send none.
#[inline(always)]
fn gre(frame: &Frame, outer: &Checked) -> Result<(Family, usize), Reason> {
    let (flags, protocol) = half(frame, outer.payload).ok_or(Reason::PassMalformed)?;
    let mut start = outer.payload + WORD;
    if maps::gre_keyed() != 0 {
        let key = word(frame, start).ok_or(Reason::PassMalformed)?;
        if flags != GRE_KEY || key != maps::gre_key() {
            return Err(Reason::PassUnsupported);
        }
        start += WORD;
    } else if flags != 0 {
        return Err(Reason::PassUnsupported);
    }
    match protocol {
        ETHERTYPE_IPV4 => Ok((Family::V4, start)),
        ETHERTYPE_IPV6 => Ok((Family::V6, start)),
        _ => Err(Reason::PassUnsupported),
    }
}

/// The first two bits after the UDP header are the variant. Variant 1 is the inner packet itself, whose version is 4
/// or 6. A message of variant 0 is not accepted if it is a control message or has optional fields. The checksum of UDP
/// is not verified: the inner packet has its own.
#[inline(always)]
fn gue(frame: &Frame, outer: &Checked) -> Result<(Family, usize), Reason> {
    let (length, _) = half(frame, outer.payload + WORD).ok_or(Reason::PassMalformed)?;
    let start = outer.payload + UDP_HEADER;
    if outer.payload + usize::from(length) != outer.end {
        return Err(Reason::PassMalformed);
    }
    let header = word(frame, start).ok_or(Reason::PassMalformed)?;
    match header >> 28 {
        4 => return Ok((Family::V4, start)),
        6 => return Ok((Family::V6, start)),
        _ => {}
    }
    match (header & !GUE_PROTOCOL, (header & GUE_PROTOCOL) >> 16) {
        (0, protocol) if protocol == u32::from(IPV4) => Ok((Family::V4, start + WORD)),
        (0, protocol) if protocol == u32::from(IPV6) => Ok((Family::V6, start + WORD)),
        _ => Err(Reason::PassUnsupported),
    }
}

/// A 32-bit number.
#[inline(always)]
fn word(frame: &Frame, at: usize) -> Option<u32> {
    frame.at::<Word>(at).map(|word| u32::from_be(word.0))
}

/// Two 16-bit numbers.
#[inline(always)]
fn half(frame: &Frame, at: usize) -> Option<(u16, u16)> {
    word(frame, at).map(|word| ((word >> 16) as u16, word as u16))
}

/// Protocol numbers (IANA "Protocol Numbers"): IPv4 and IPv6 encapsulation, GRE.
const IPV4: u8 = 4;
const IPV6: u8 = 41;
const GRE: u8 = 47;
/// Protocol types of GRE.
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// The flag for a key (RFC 2890).
const GRE_KEY: u16 = 0x2000;
/// Bytes of a word.
const WORD: usize = 4;
/// Bytes of a UDP header.
const UDP_HEADER: usize = 8;
/// The protocol in a GUE header of variant 0; variant, control flag, header length and flags around it are zero.
const GUE_PROTOCOL: u32 = 0x00ff_0000;
