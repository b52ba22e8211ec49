//! Forward mode `dscp` (Yahoo's L3DSR): the backend's address replaces the VIP, and the VIP's code the DSCP. ECN stays.
//!
//! Checksums are updated incrementally (RFC 1624), so an incorrect one stays incorrect.

use dsr_common::{
    address::{Address, Family},
    checksum::{adjusted_by, change_of, word},
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
    let change = match packet.family {
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
    checksum.0 = match adjusted_by(checksum.0.raw(), change) {
        // Zero would mean that there is no checksum (RFC 768).
        0 if may_be_absent => Be16::from_raw(u16::MAX),
        sum => Be16::from_raw(sum),
    };
    Some(())
}

/// Returns the change of the destination, see [`change_of`].
#[inline(always)]
fn rewrite_v4(frame: &mut Frame, start: usize, backend: Address, code: u8) -> Option<u64> {
    let ip: &mut ipv4::Header = frame.at_mut(start)?;
    let new = backend.v4_octets();
    let change = u64::from(!u32::from_ne_bytes(ip.destination)) + u64::from(u32::from_ne_bytes(new));
    let tos = code << 2 | ip.tos & ECN;
    let of_tos = u64::from(!word(ip.version_length, ip.tos)) + u64::from(word(ip.version_length, tos));
    ip.checksum = Be16::from_raw(adjusted_by(ip.checksum.raw(), change + of_tos));
    ip.tos = tos;
    ip.destination = new;
    Some(change)
}

/// Returns the change of the destination, see [`change_of`].
#[inline(always)]
fn rewrite_v6(frame: &mut Frame, start: usize, backend: Address, code: u8) -> Option<u64> {
    let ip: &mut ipv6::Header = frame.at_mut(start)?;
    let change = change_of(ip.destination.hi, backend.hi) + change_of(ip.destination.lo, backend.lo);
    ip.set_traffic_class(code << 2 | ip.traffic_class() & ECN);
    ip.destination = Words { hi: backend.hi, lo: backend.lo };
    Some(change)
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
