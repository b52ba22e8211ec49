//! The Internet checksum (RFC 1071), and what it covers for `ICMPv6` (RFC 4443, 2.3; RFC 8200, 8.1).

use std::net::Ipv6Addr;

use super::packet::{ICMPV6, u16_at};

/// The checksum of some bytes; zero where they hold a right one.
pub(super) fn sum(bytes: &[u8]) -> u16 {
    crate::frame::checksum(bytes)
}

/// What is summed before an `ICMPv6` message of `length` bytes.
pub(super) fn pseudo_header_v6(source: Ipv6Addr, destination: Ipv6Addr, length: usize) -> Vec<u8> {
    let mut header = [source.octets(), destination.octets()].concat();
    header.extend_from_slice(&(length as u32).to_be_bytes());
    header.extend_from_slice(&[0, 0, 0, ICMPV6]);
    header
}

/// Replaces the bytes from `at` on and updates the checksum at `sum_at` for it (RFC 1624, equation 3): a right one
/// stays right, and a wrong one wrong, so that no damage is covered up. `at` is even and so is the number of bytes.
pub(super) fn replace(bytes: &mut [u8], at: usize, with: &[u8], sum_at: usize) {
    let mut sum = u32::from(!u16_at(bytes, sum_at));
    for (n, new) in with.chunks(2).enumerate() {
        sum += u32::from(!u16_at(bytes, at + 2 * n)) + u32::from(u16_at(new, 0));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    bytes[at..at + with.len()].copy_from_slice(with);
    bytes[sum_at..sum_at + 2].copy_from_slice(&(!(sum as u16)).to_be_bytes());
}
