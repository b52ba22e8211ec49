//! Transport headers, as much as the program reads of them.

use super::{cluster::PORTS, rng::Rng};

pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const SCTP: u8 = 132;
/// Protocols without ports that are known here: IPv4 and IPv6 in IP, GRE, ESP, AH, `ICMPv6`, no next header, OSPF.
pub(super) const OTHERS: [u8; 8] = [4, 41, 47, 50, 51, 58, 59, 89];

/// Mostly TCP and UDP.
pub(super) fn protocol(rng: &mut Rng) -> u8 {
    match rng.below(16) {
        0..=7 => TCP,
        8..=12 => UDP,
        13 => SCTP,
        14 => rng.pick(&OTHERS),
        _ => rng.byte(),
    }
}

/// A segment or datagram of some client, mostly to a port that has a service.
pub(super) fn segment(rng: &mut Rng, protocol: u8) -> Vec<u8> {
    let service = if rng.one_in(12) { rng.next() as u16 } else { rng.pick(&PORTS) };
    let client = if rng.one_in(20) { rng.pick(&[0, 65535]) } else { rng.next() as u16 };
    between(rng, protocol, client, service)
}

/// From one port to the other.
pub(super) fn between(rng: &mut Rng, protocol: u8, source: u16, destination: u16) -> Vec<u8> {
    let mut bytes = [source.to_be_bytes(), destination.to_be_bytes()].concat();
    match protocol {
        TCP => {
            bytes.extend_from_slice(&rng.octets(8));
            bytes.extend_from_slice(&[0x50, rng.pick(&[0x02, 0x10, 0x18, 0x12, 0x04, 0x11, 0xc2, 0x00, 0xff])]);
            bytes.extend_from_slice(&rng.octets(6));
        }
        UDP => bytes.extend_from_slice(&rng.octets(4)),
        SCTP => bytes.extend_from_slice(&rng.octets(8)),
        _ => bytes = rng.octets(8),
    }
    let data = rng.below(40);
    bytes.extend_from_slice(&rng.octets(data));
    bytes
}
