//! Every DSCP and every ECN field: through a tunnel, and turned back from a code.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use dsr::model::{DscpCode, Tunnels};
use dsr_common::backend::Reason;
use dsr_tests::{
    frame::{OWN_MAC, PEER_MAC, checksum},
    program::Verdict,
};
use etherparse::{
    Ethernet2Header, Icmpv6Header, Icmpv6Type, IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header, TcpHeader, UdpHeader,
    ether_type,
};

use super::{BALANCER, BALANCER6, OWN, OWN6, VIP, VIP6, address, program::Program, tunnels};

/// RFC 6040, figure 4: the field that leaves the tunnel, by outer and inner field; the packet is dropped for `None`.
const fn egress(outer: u8, inner: u8) -> Option<u8> {
    match (inner, outer) {
        (0b00, 0b11) => None,
        (0b01 | 0b10, 0b11) => Some(0b11),
        (0b10, 0b01) => Some(0b01),
        _ => Some(inner),
    }
}

#[test]
#[ignore = "needs root"]
fn every_class_leaves_a_tunnel_as_rfc_6040_says() {
    let program = Program::load(&tunnels());
    for (outer, inner) in (0..4).flat_map(|outer| (0..=u8::MAX).map(move |inner| (outer, inner))) {
        for (outer_v4, inner_v4) in [(true, true), (true, false), (false, true), (false, false)] {
            let expected = packet(inner_v4, client(inner_v4), vip(inner_v4), inner, IpNumber::TCP, &[7; 20]);
            let protocol = if inner_v4 { IpNumber::IPV4 } else { IpNumber::IPV6 };
            // The outer DSCP has no effect.
            let class = 0b1010_1000 | outer;
            let frame =
                framed(&packet(outer_v4, balancer(outer_v4), own(outer_v4), class, protocol, &expected), outer_v4);
            let (verdict, after, reason) = program.run(&frame);
            let Some(field) = egress(outer, inner & 3) else {
                assert_eq!((verdict, reason), (Verdict::Drop, Reason::DropEcn), "{outer} {inner:#x}");
                continue;
            };
            let class = inner & !3 | field;
            let expected = packet(inner_v4, client(inner_v4), vip(inner_v4), class, IpNumber::TCP, &[7; 20]);
            assert_eq!((verdict, reason), (Verdict::Pass, Reason::DecapIpip), "{outer} {inner:#x}");
            assert_eq!(after, framed(&expected, inner_v4), "{outer} {inner:#x} {outer_v4} {inner_v4}");
        }
    }
}

#[test]
#[ignore = "needs root"]
fn every_code_is_turned_back_and_ecn_stays() {
    let codes = (1..=63).map(|code| (code, DscpCode::new(code).unwrap()));
    let dscp: BTreeMap<_, _> =
        codes.flat_map(|(number, code)| [v4_of(number), v6_of(number)].map(|vip| (vip, code))).collect();
    let vips = dscp.keys().copied().collect();
    let program = Program::load(&Tunnels { dscp, vips, ..tunnels() });
    for class in 0..=u8::MAX {
        for protocol in [IpNumber::TCP, IpNumber::UDP, IpNumber::IPV6_ICMP, IpNumber::SCTP] {
            for is_v4 in [true, false] {
                let (code, ecn) = (class >> 2, class & 3);
                let vip = if is_v4 { v4_of(code) } else { v6_of(code) };
                let to = |destination, class| {
                    let segment = segment(protocol, client(is_v4), destination);
                    framed(&packet(is_v4, client(is_v4), destination, class, protocol, &segment), is_v4)
                };
                let frame = to(own(is_v4), class);
                let (expected, reason) =
                    if code == 0 { (frame.clone(), Reason::PassOther) } else { (to(vip, ecn), Reason::RestoreDscp) };
                let outcome = program.run(&frame);
                assert_eq!(outcome, (Verdict::Pass, expected, reason), "{class:#x} {protocol:?} {is_v4}");
            }
        }
    }
}

/// A UDP checksum that comes out as zero is written as its other representation, and one that is zero stays: none was
/// computed (RFC 768).
#[test]
#[ignore = "needs root"]
fn a_udp_checksum_of_zero_is_none() {
    let program = Program::load(&tunnels());
    let udp = |destination, class, data: [u8; 2]| {
        let segment = [&segment(IpNumber::UDP, client(true), destination)[..], &data].concat();
        let mut segment = segment;
        segment[4..6].copy_from_slice(&18_u16.to_be_bytes());
        segment[6..8].fill(0);
        let pseudo = [&octets(client(true))[..], &octets(destination), &[0, 17, 0, 18], &segment].concat();
        (packet(true, client(true), destination, class, IpNumber::UDP, &segment), checksum(&pseudo))
    };
    let (mut zeros, code) = (0, 8 << 2);
    for word in 0..=u16::MAX {
        let data = word.to_be_bytes();
        let (mut sent, sum) = udp(own(true), code, data);
        let (mut expected, restored) = udp(vip(true), 0, data);
        // Most words are as good as any other.
        if restored != 0 && word % 4096 != 0 {
            continue;
        }
        zeros += u32::from(restored == 0);
        let written = |sum: u16| if sum == 0 { u16::MAX } else { sum };
        for (sum, restored) in [(written(sum), written(restored)), (0, 0)] {
            sent[26..28].copy_from_slice(&sum.to_be_bytes());
            expected[26..28].copy_from_slice(&restored.to_be_bytes());
            let outcome = program.run(&framed(&sent, true));
            assert_eq!(outcome, (Verdict::Pass, framed(&expected, true), Reason::RestoreDscp), "{word:#x}");
        }
    }
    assert_ne!(zeros, 0, "no checksum came out as zero");
}

/// A transport header with a correct checksum, and data.
pub(super) fn segment(protocol: IpNumber, from: IpAddr, to: IpAddr) -> Vec<u8> {
    let data = b"datagram";
    let header = match (protocol, from, to) {
        (IpNumber::TCP, ..) => {
            let mut tcp = TcpHeader::new(40000, 80, 7, 65000);
            tcp.checksum = match (from, to) {
                (IpAddr::V4(from), IpAddr::V4(to)) => {
                    tcp.calc_checksum_ipv4_raw(from.octets(), to.octets(), data).unwrap()
                }
                (IpAddr::V6(from), IpAddr::V6(to)) => {
                    tcp.calc_checksum_ipv6_raw(from.octets(), to.octets(), data).unwrap()
                }
                _ => unreachable!("a packet is of one family"),
            };
            tcp.to_bytes().to_vec()
        }
        (IpNumber::UDP, IpAddr::V4(from), IpAddr::V4(to)) => {
            let ip = Ipv4Header::new(16, 64, IpNumber::UDP, from.octets(), to.octets()).unwrap();
            UdpHeader::with_ipv4_checksum(40000, 53, &ip, data).unwrap().to_bytes().to_vec()
        }
        (IpNumber::UDP, IpAddr::V6(from), IpAddr::V6(to)) => {
            let ip = Ipv6Header { source: from.octets(), destination: to.octets(), ..Ipv6Header::default() };
            UdpHeader::with_ipv6_checksum(40000, 53, &ip, data).unwrap().to_bytes().to_vec()
        }
        (IpNumber::IPV6_ICMP, IpAddr::V6(from), IpAddr::V6(to)) => {
            let kind = Icmpv6Type::Unknown { type_u8: 3, code_u8: 0, bytes5to8: [0; 4] };
            Icmpv6Header::with_checksum(kind, from.octets(), to.octets(), data).unwrap().to_bytes().to_vec()
        }
        // What covers no address: SCTP, and 58 in IPv4.
        _ => vec![9; 12],
    };
    [&header, &data[..]].concat()
}

/// An IP packet with a correct header.
pub(super) fn packet(is_v4: bool, from: IpAddr, to: IpAddr, class: u8, protocol: IpNumber, payload: &[u8]) -> Vec<u8> {
    let header = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) if is_v4 => {
            let mut ip = Ipv4Header::new(payload.len() as u16, 64, protocol, from.octets(), to.octets()).unwrap();
            (ip.dscp, ip.ecn) = ((class >> 2).try_into().unwrap(), (class & 3).try_into().unwrap());
            ip.header_checksum = ip.calc_header_checksum();
            ip.to_bytes().to_vec()
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => Ipv6Header {
            traffic_class: class,
            flow_label: Ipv6FlowLabel::try_new(0xa_bcde).unwrap(),
            payload_length: payload.len() as u16,
            next_header: protocol,
            hop_limit: 64,
            source: from.octets(),
            destination: to.octets(),
        }
        .to_bytes()
        .to_vec(),
        _ => unreachable!("a packet is of one family"),
    };
    [&header, payload].concat()
}

pub(super) fn framed(packet: &[u8], is_v4: bool) -> Vec<u8> {
    let ether_type = if is_v4 { ether_type::IPV4 } else { ether_type::IPV6 };
    let link = Ethernet2Header { source: PEER_MAC, destination: OWN_MAC, ether_type };
    [&link.to_bytes()[..], packet].concat()
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn v4_of(code: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, code).into()
}

fn v6_of(code: u8) -> IpAddr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, code.into()).into()
}

pub(super) fn client(is_v4: bool) -> IpAddr {
    address(if is_v4 { "198.51.100.7" } else { "2001:db8:7::7" })
}

pub(super) fn balancer(is_v4: bool) -> IpAddr {
    address(if is_v4 { BALANCER } else { BALANCER6 })
}

pub(super) fn own(is_v4: bool) -> IpAddr {
    address(if is_v4 { OWN } else { OWN6 })
}

pub(super) fn vip(is_v4: bool) -> IpAddr {
    address(if is_v4 { VIP } else { VIP6 })
}
