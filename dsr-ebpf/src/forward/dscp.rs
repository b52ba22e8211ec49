//! Forward mode `dscp` (Yahoo's L3DSR): the backend's address replaces the VIP, and the VIP's code the DSCP. ECN stays.
//!
//! Checksums are updated incrementally (RFC 1624), so an incorrect one stays incorrect.

use dsr_common::{
    address::{Address, Family},
    checksum::{adjusted, folded, halves, word},
};

use super::Packet;
use crate::{
    frame::Frame,
    parse::Link,
    wire::{
        Be16, Checksum, icmp, ipv4,
        ipv6::{self, Words},
        transport::{DCCP, TCP, UDP, UDP_LITE},
    },
};

/// Rewrites the packet; `None` if its headers are not in the frame's first buffer.
#[inline(always)]
pub(super) fn rewrite(frame: &mut Frame, link: &Link, packet: &Packet, backend: Address, code: u8) -> Option<()> {
    let start = link.end();
    let new = sum_of(backend);
    let old = match packet.family {
        Family::V4 => rewrite_v4(frame, start, backend, code)?,
        Family::V6 => rewrite_v6(frame, start, backend, code)?,
    };
    let Some(offset) = checksum_offset(packet).filter(|_| !packet.is_later) else { return Some(()) };
    // The compiler knows that the packet is within the bounds loaded before, and would remove the check that the verifier
    // needs.
    frame.reload_bounds();
    let at = packet.payload + offset;
    if at + size_of::<Checksum>() > packet.end {
        return Some(());
    }
    let checksum: &mut Checksum = frame.at_mut(at)?;
    let may_be_absent = matches!(packet.protocol, UDP);
    if may_be_absent && checksum.0.raw() == 0 {
        return Some(());
    }
    checksum.0 = match adjusted(checksum.0.raw(), folded(old), folded(new)) {
        // Zero would mean that there is no checksum (RFC 768).
        0 if may_be_absent => Be16::from_raw(u16::MAX),
        sum => Be16::from_raw(sum),
    };
    Some(())
}

/// Returns the sum of the old destination.
#[inline(always)]
fn rewrite_v4(frame: &mut Frame, start: usize, backend: Address, code: u8) -> Option<u64> {
    let ip: &mut ipv4::Header = frame.at_mut(start)?;
    let old = sum_of(Address::from_v4(ip.destination));
    let tos = code << 2 | ip.tos & ECN;
    let before = folded(old + u64::from(word(ip.version_length, ip.tos)));
    let after = folded(sum_of(backend) + u64::from(word(ip.version_length, tos)));
    ip.checksum = Be16::from_raw(adjusted(ip.checksum.raw(), before, after));
    ip.tos = tos;
    ip.destination = backend.v4_octets();
    Some(old)
}

/// Returns the sum of the old destination.
#[inline(always)]
fn rewrite_v6(frame: &mut Frame, start: usize, backend: Address, code: u8) -> Option<u64> {
    let ip: &mut ipv6::Header = frame.at_mut(start)?;
    let old = sum_of(Address { hi: ip.destination.hi, lo: ip.destination.lo });
    ip.set_traffic_class(code << 2 | ip.traffic_class() & ECN);
    ip.destination = Words { hi: backend.hi, lo: backend.lo };
    Some(old)
}

#[inline(always)]
const fn sum_of(address: Address) -> u64 {
    halves(address.hi) + halves(address.lo)
}

/// Where a protocol's checksum is in its header, if it covers the IP addresses.
#[inline(always)]
const fn checksum_offset(packet: &Packet) -> Option<usize> {
    match packet.protocol {
        TCP => Some(16),
        UDP | UDP_LITE | DCCP => Some(6),
        icmp::V6 if matches!(packet.family, Family::V6) => Some(2),
        _ => None,
    }
}

/// The bits of explicit congestion notification (RFC 3168).
const ECN: u8 = 3;
