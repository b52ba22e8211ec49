//! ICMP errors about outer packets, and others.

use std::num::NonZeroU16;

use super::*;
use crate::model::{DscpCode, GueVariant, OuterSources};

const BACKEND: [u8; 4] = [10, 77, 1, 2];

/// An IPv4 header of 20 bytes, then eight bytes.
fn outer(protocol: u8, payload: [u8; 8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 100, 0, 0, 0x40, 0, 64, protocol, 0, 0, 10, 77, 0, 2];
    packet.extend_from_slice(&BACKEND);
    packet.extend_from_slice(&payload);
    packet
}

/// An error as a raw socket receives it: an IP header, here with options, the message and what it quotes.
fn error(kind: u8, code: u8, mtu: u16, quoted: &[u8]) -> Vec<u8> {
    let [high, low] = mtu.to_be_bytes();
    let mut packet = vec![0x46, 0, 0, 100, 0, 0, 0, 0, 64, 1, 0, 0, 10, 77, 0, 254, 10, 77, 0, 2, 1, 1, 1, 1];
    packet.extend_from_slice(&[kind, code, 0, 0, 0, 0, high, low]);
    packet.extend_from_slice(quoted);
    packet
}

/// The same of IPv6, which a raw socket receives without the IP header.
fn error6(kind: u8, code: u8, mtu: u16, protocol: u8) -> Vec<u8> {
    let [high, low] = mtu.to_be_bytes();
    let mut packet = vec![kind, code, 0, 0, 0, 0, high, low, 0x60, 0, 0, 0, 0, 80, protocol, 64];
    packet.extend_from_slice(&[0; 16]);
    packet.extend_from_slice(&BACKEND6.octets());
    packet.extend_from_slice(&GUE);
    packet
}

const BACKEND6: Ipv6Addr = Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 1, 2);
/// A UDP header to port 6080.
const GUE: [u8; 8] = [0xc0, 1, 0x17, 0xc0, 0, 0, 0, 0];

#[test]
fn each_error_has_its_kind() {
    use ErrorKind::{
        HostUnreachable, NetUnreachable, Other, PortUnreachable, Prohibited, ProtocolUnreachable, TimeExceeded, TooBig,
    };
    let of = |kind, code| read(Family::V4, &error(kind, code, 0, &outer(4, [0; 8]))).map(|error| error.kind);
    for (kind, codes, expected) in [
        (3, &[0, 6, 11][..], NetUnreachable),
        (3, &[1, 7, 8, 12], HostUnreachable),
        (3, &[2], ProtocolUnreachable),
        (3, &[3], PortUnreachable),
        (3, &[4], TooBig),
        (3, &[9, 10, 13], Prohibited),
        (3, &[5, 14, 15], Other),
        (11, &[0, 1], TimeExceeded),
        (12, &[0], Other),
    ] {
        assert!(codes.iter().all(|code| of(kind, *code) == Some(expected)), "{kind} {codes:?}");
    }
    assert_eq!([of(0, 0), of(4, 0), of(5, 1), of(8, 0)], [None; 4], "no errors, or none about a packet");
    let of = |kind, code| read(Family::V6, &error6(kind, code, 0, 41)).map(|error| error.kind);
    for (kind, codes, expected) in [
        (1, &[0][..], NetUnreachable),
        (1, &[1, 5, 6], Prohibited),
        (1, &[3], HostUnreachable),
        (1, &[4], PortUnreachable),
        (1, &[2], Other),
        (2, &[0], TooBig),
        (3, &[0, 1], TimeExceeded),
        (4, &[1], ProtocolUnreachable),
        (4, &[0, 2], Other),
    ] {
        assert!(codes.iter().all(|code| of(kind, *code) == Some(expected)), "{kind} {codes:?}");
    }
    assert_eq!([of(128, 0), of(136, 0)], [None; 2]);
}

#[test]
fn the_quoted_packet_shows_backend_and_tunnel() {
    let of = |protocol| read(Family::V4, &error(3, 1, 0, &outer(protocol, GUE))).map(|e| (e.backend, e.tunnel));
    let [v4, v6] = [IpAddr::from(BACKEND), BACKEND6.into()];
    assert_eq!([of(4), of(41)], [Some((v4, Tunnel::Ip)); 2]);
    assert_eq!([of(47), of(17)], [Some((v4, Tunnel::Gre)), Some((v4, Tunnel::Udp(6080)))]);
    assert_eq!([of(6), of(1)], [None; 2]);
    let of = |protocol| read(Family::V6, &error6(1, 3, 0, protocol)).map(|e| (e.backend, e.tunnel));
    assert_eq!([of(4), of(41)], [Some((v6, Tunnel::Ip)); 2]);
    assert_eq!([of(47), of(17)], [Some((v6, Tunnel::Gre)), Some((v6, Tunnel::Udp(6080)))]);
    assert_eq!([of(6), of(58)], [None; 2]);
}

#[test]
fn a_mode_has_its_kind_of_tunnel() {
    let sources = OuterSources::default();
    let gue = |port| Forward::Gue { port: NonZeroU16::new(port).unwrap(), variant: GueVariant::One, sources };
    let of = |forward| [Tunnel::Ip, Tunnel::Gre, Tunnel::Udp(6080)].map(|tunnel| tunnel.is_of(forward));
    assert_eq!(of(Forward::Ipip(sources)), [true, false, false]);
    assert_eq!(of(Forward::Gre { key: Some(7), sources }), [false, true, false]);
    assert_eq!(of(gue(6080)), [false, false, true]);
    // DNS of this host, or another tunnel.
    assert_eq!(of(gue(6081)), [false; 3]);
    assert_eq!([of(Forward::L2), of(Forward::Dscp(DscpCode::new(8).unwrap()))], [[false; 3]; 2]);
}

#[test]
fn a_router_tells_the_mtu_of_its_link() {
    let mtu = |kind, code, mtu| read(Family::V4, &error(kind, code, mtu, &outer(4, [0; 8]))).unwrap().mtu;
    assert_eq!([mtu(3, 4, 1400), mtu(3, 4, 0), mtu(3, 1, 1400)], [Some(1400), None, None], "RFC 792 had none");
    assert_eq!(read(Family::V6, &error6(2, 0, 1280, 41)).unwrap().mtu, Some(1280));
}

#[test]
fn messages_that_are_cut_off_say_nothing() {
    let ports = 4;
    for (family, whole) in [(Family::V4, error(3, 3, 0, &outer(17, GUE))), (Family::V6, error6(1, 4, 0, 17))] {
        let enough = whole.len() - GUE.len() + ports;
        assert!((0..enough).all(|length| read(family, &whole[..length]).is_none()), "{family:?}");
        assert!(read(family, &whole[..enough]).is_some());
    }
    let mut short_header = error(3, 2, 0, &outer(4, [0; 8]));
    short_header[24 + ICMP_HEADER] = 0x41;
    assert_eq!(read(Family::V4, &short_header), None);
}
