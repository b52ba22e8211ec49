//! DSCP codes (the method of L3DSR): the balancer wrote the backend's address in place of the VIP, and the VIP's code
//! into the DSCP (RFC 2474). Both are turned back: the VIP becomes the destination, the DSCP zero. ECN stays.
//!
//! Checksums change incrementally (RFC 1624): an incorrect one stays incorrect.

use dsr_common::{
    address::{Address, Family},
    backend::{Reason, UDP, checksum_offset},
    checksum::{adjusted, adjusted_by, change_of, word},
};

use crate::{
    frame::Frame,
    maps,
    outer::{Outer, fits},
    parse::Part,
    wire::{Be16, ethernet::EtherType, ipv4, ipv6},
};

/// Restores the VIP of a packet to this host with a code.
#[inline(always)]
pub(crate) fn restore(frame: &mut Frame, outer: &Outer) -> Result<Reason, Reason> {
    let code = outer.class >> ECN_BITS;
    if maps::dscp() == 0 || code == 0 {
        return Err(Reason::PassOther);
    }
    let vip = maps::vip_of(outer.family, code).ok_or(Reason::PassOther)?;
    if !maps::is_own(outer.family, outer.destination) {
        return Err(Reason::PassOther);
    }
    if outer.payload > outer.end || !fits(frame, outer.end) {
        return Err(Reason::PassMalformed);
    }
    transport(frame, outer, vip)?;
    network(frame, outer, vip).ok_or(Reason::PassMalformed)?;
    Ok(Reason::RestoreDscp)
}

/// Updates the transport's checksum, which a later fragment does not have.
#[inline(always)]
fn transport(frame: &mut Frame, outer: &Outer, vip: Address) -> Result<(), Reason> {
    if matches!(outer.part, Part::Later) {
        return Ok(());
    }
    let Some(offset) = checksum_offset(outer.family, outer.protocol) else { return Ok(()) };
    let at = outer.payload + offset;
    if at + size_of::<Be16>() > outer.end {
        return Err(Reason::PassMalformed);
    }
    // An EtherType is a 16-bit number alone.
    let EtherType(checksum) = frame.at_mut(at).ok_or(Reason::PassMalformed)?;
    let is_udp = outer.protocol == UDP;
    if is_udp && checksum.raw() == 0 {
        return Ok(()); // None was computed (RFC 768).
    }
    let new = readdressed(*checksum, outer.destination, vip);
    // Zero means none, so UDP sends its other representation.
    *checksum = if is_udp && new.raw() == 0 { Be16::from_raw(u16::MAX) } else { new };
    Ok(())
}

/// Writes the destination and the DSCP, and updates the header's checksum.
#[inline(always)]
fn network(frame: &mut Frame, outer: &Outer, vip: Address) -> Option<()> {
    let class = outer.class & ECN;
    match outer.family {
        Family::V4 => {
            let ip: &mut ipv4::Header = frame.at_mut(outer.start)?;
            let (old, new) = (word(ip.version_length, ip.tos), word(ip.version_length, class));
            let checksum = Be16::from_raw(adjusted(ip.checksum.raw(), old, new));
            ip.checksum = readdressed(checksum, outer.destination, vip);
            ip.tos = class;
            ip.destination = vip.v4_octets();
        }
        Family::V6 => {
            let ip: &mut ipv6::Header = frame.at_mut(outer.start)?;
            let [first, second, ..] = ip.version_class_label;
            // The class without its DSCP: the version, and the upper bits of the flow label.
            ip.version_class_label[0] = first & 0xf0;
            ip.version_class_label[1] = second & 0x3f;
            ip.destination = ipv6::Words { hi: vip.hi, lo: vip.lo };
        }
    }
    Some(())
}

/// The checksum after the destination that it covers has changed.
#[inline(always)]
fn readdressed(checksum: Be16, old: Address, new: Address) -> Be16 {
    Be16::from_raw(adjusted_by(checksum.raw(), change_of(old.hi, new.hi) + change_of(old.lo, new.lo)))
}

/// The class is the DSCP and below it the ECN field.
const ECN_BITS: u8 = 2;
const ECN: u8 = 3;
