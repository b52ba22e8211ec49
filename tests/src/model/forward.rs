//! "Forward modes" of the page: the frame that a backend is sent, by its pool's mode.

use std::net::{IpAddr, Ipv6Addr};

use dsr::model::{Forward, GueVariant, Hop, NextHop};
use dsr_common::forward::NEXT_HOPS_PER_GROUP;
use etherparse::{IpDscp, IpEcn, IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header, UdpHeader};

use super::{
    Sending,
    checksum::replace,
    link,
    packet::{ICMPV6, TCP, UDP, u16_at},
    select::Chosen,
};

/// TTL or hop limit of an outer header.
const HOPS: u8 = 64;
const GRE: u8 = 47;
const DCCP: u8 = 33;
const UDP_LITE: u8 = 136;

/// The largest packet that fits the path to a backend; nothing in `l2`, which does not look.
pub(super) fn limit(to: &Chosen) -> Option<usize> {
    let outer = if to.address.is_ipv4() { 20 } else { 40 };
    let overhead = match to.forward {
        Forward::L2 => return None,
        Forward::Dscp(_) => 0,
        Forward::Ipip(_) => outer,
        Forward::Gre { key: None, .. } => outer + 4,
        Forward::Gre { key: Some(_), .. } | Forward::Gue { variant: GueVariant::One, .. } => outer + 8,
        Forward::Gue { variant: GueVariant::Zero, .. } => outer + 12,
    };
    Some(to.hop.path.mtu as usize - overhead)
}

/// Who a packet goes to next: in modes that cross routers one of several, where the route has them, by bits of the hash.
pub(super) fn next_hop(to: &Chosen, hash: u64) -> NextHop {
    let several = &to.hop.path.next_hops;
    if matches!(to.forward, Forward::L2) || several.len() < 2 {
        let Hop { ifindex, source, destination, ref tags, .. } = to.hop;
        return NextHop { ifindex, source, destination, tags: tags.clone(), weight: 1 };
    }
    let (row, rows) = (hash >> 14 & 15, u64::from(NEXT_HOPS_PER_GROUP));
    let sum: u64 = several.iter().map(|hop| u64::from(hop.weight)).sum();
    let mut end = 0;
    let owns = |hop: &&NextHop| {
        end += u64::from(hop.weight);
        // The middle of the row lies before the end of the next hop's share; both times twice the rows.
        (2 * row + 1) * sum < 2 * rows * end
    };
    several.iter().find(owns).expect("the last share ends behind the last row").clone()
}

/// The frame, from the EtherType on, that follows the member's link header.
pub(super) fn from_ether_type(frame: &[u8], sending: &Sending) -> Vec<u8> {
    let at = link::ether_type_at(frame);
    let (ether_type, rest) = frame[at..].split_at(2);
    let to = &sending.to;
    let packet = &rest[..sending.bytes - at - 2];
    match to.forward {
        Forward::L2 => frame[at..].to_vec(),
        Forward::Dscp(code) => [ether_type, &renamed(rest, sending, code.get())].concat(),
        Forward::Ipip(_) => outer(to, sending.hash, protocol_of(packet), &[], packet, rest),
        Forward::Gre { key, .. } => {
            let mut shim = vec![if key.is_some() { 0x20 } else { 0 }, 0];
            shim.extend_from_slice(ether_type);
            shim.extend_from_slice(&key.map_or(Vec::new(), |key| key.to_be_bytes().to_vec()));
            outer(to, sending.hash, GRE, &shim, packet, rest)
        }
        Forward::Gue { port, variant, .. } => {
            let header = match variant {
                GueVariant::Zero => vec![0, protocol_of(packet), 0, 0],
                GueVariant::One => Vec::new(),
            };
            let udp = UdpHeader {
                source_port: 0xc000 | sending.hash as u16 & 0x1fff,
                destination_port: port.get(),
                length: (8 + header.len() + packet.len()) as u16,
                checksum: 0,
            };
            outer(to, sending.hash, UDP, &[udp.to_bytes().to_vec(), header].concat(), packet, rest)
        }
    }
}

fn protocol_of(packet: &[u8]) -> u8 {
    if packet[0] >> 4 == 4 { 4 } else { 41 }
}

/// EtherType, outer IP header, shim and the packet with its padding.
fn outer(to: &Chosen, hash: u64, protocol: u8, shim: &[u8], packet: &[u8], rest: &[u8]) -> Vec<u8> {
    let payload = (shim.len() + packet.len()) as u16;
    let class = if packet[0] >> 4 == 4 { packet[1] } else { packet[0] << 4 | packet[1] >> 4 };
    let source = source(to, hash);
    let mut bytes = Vec::new();
    match (source, to.address) {
        (IpAddr::V4(source), IpAddr::V4(backend)) => {
            bytes.extend_from_slice(&link::IPV4.to_be_bytes());
            let mut header = Ipv4Header::new(payload, HOPS, IpNumber(protocol), source.octets(), backend.octets())
                .expect("the payload fits");
            header.dscp = IpDscp::try_new(class >> 2).expect("six bits");
            header.ecn = IpEcn::try_new(class & 3).expect("two bits");
            header.dont_fragment = true;
            header.header_checksum = header.calc_header_checksum();
            header.write(&mut bytes).expect("a vector takes it");
        }
        (IpAddr::V6(source), IpAddr::V6(backend)) => {
            bytes.extend_from_slice(&link::IPV6.to_be_bytes());
            let header = Ipv6Header {
                traffic_class: class,
                flow_label: Ipv6FlowLabel::try_new(hash as u32 & 0xf_ffff).expect("twenty bits"),
                payload_length: payload,
                next_header: IpNumber(protocol),
                hop_limit: HOPS,
                source: source.octets(),
                destination: backend.octets(),
            };
            header.write(&mut bytes).expect("a vector takes it");
        }
        (source, backend) => panic!("{source} cannot send to {backend}"),
    }
    [&bytes, shim, rest].concat()
}

/// The outer source: configured, else the route's; the bits after a configured prefix are the hash's.
fn source(to: &Chosen, hash: u64) -> IpAddr {
    let sources = match to.forward {
        Forward::L2 | Forward::Dscp(_) => panic!("{:?} has no outer source", to.forward),
        Forward::Ipip(sources) | Forward::Gre { sources, .. } | Forward::Gue { sources, .. } => sources,
    };
    // Bytes of the hash from its second on, in the order of a little-endian machine.
    let random = ((hash >> 8) as u32).to_le_bytes();
    match (to.address, sources.ipv4, sources.ipv6) {
        (IpAddr::V4(_), Some((source, prefix)), _) => vary(source.octets(), random, prefix).into(),
        (IpAddr::V6(_), _, Some((source, prefix))) => {
            let mut octets = source.octets();
            let last = [octets[12], octets[13], octets[14], octets[15]];
            octets[12..].copy_from_slice(&vary(last, random, prefix.saturating_sub(96)));
            Ipv6Addr::from(octets).into()
        }
        _ => to.hop.path.source.expect("the network knows a source"),
    }
}

/// The bits after the first `prefix` replaced.
fn vary(bytes: [u8; 4], random: [u8; 4], prefix: u8) -> [u8; 4] {
    let keep = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
    (u32::from_be_bytes(bytes) & keep | u32::from_be_bytes(random) & !keep).to_be_bytes()
}

/// The packet to the backend's own address, with the VIP's code as DSCP.
fn renamed(rest: &[u8], sending: &Sending, code: u8) -> Vec<u8> {
    let (mut bytes, backend) = (rest.to_vec(), sending.to.address);
    let (transport, end) = (sending.transport, sending.bytes - (sending.bytes_before));
    let checksum = transport.and_then(|(at, protocol)| match protocol {
        TCP => Some(at + 16),
        UDP | UDP_LITE | DCCP => Some(at + 6),
        ICMPV6 if backend.is_ipv6() => Some(at + 2),
        _ => None,
    });
    let checksum = checksum.filter(|at| at + 2 <= end);
    let is_udp = transport.is_some_and(|(_, protocol)| protocol == UDP);
    let checksum = checksum.filter(|at| !(is_udp && u16_at(&bytes, *at) == 0));
    let (at, with) = match backend {
        IpAddr::V4(backend) => (16, backend.octets().to_vec()),
        IpAddr::V6(backend) => (24, backend.octets().to_vec()),
    };
    if let Some(sum_at) = checksum {
        // The address again, for the pseudo header; what it covers is the same.
        replace(&mut bytes, at, &with, sum_at);
        if is_udp && u16_at(&bytes, sum_at) == 0 {
            bytes[sum_at..sum_at + 2].fill(0xff);
        }
        bytes[at..at + with.len()].copy_from_slice(&rest[at..at + with.len()]);
    }
    if backend.is_ipv4() {
        let first = [bytes[0], code << 2 | bytes[1] & 3];
        replace(&mut bytes, 0, &first, 10);
        replace(&mut bytes, at, &with, 10);
    } else {
        let class = code << 2 | bytes[1] >> 4 & 3;
        bytes[0] = bytes[0] & 0xf0 | class >> 4;
        bytes[1] = class << 4 | bytes[1] & 0xf;
        bytes[at..at + with.len()].copy_from_slice(&with);
    }
    bytes
}

/// Whether the network leads there: in modes that cross routers, with an address to send from of the same family.
pub(super) fn is_usable(forward: Forward, vip: IpAddr, backend: IpAddr, hop: &Hop) -> bool {
    let configured = |v4: bool, v6: bool| if backend.is_ipv4() { v4 } else { v6 };
    match forward {
        Forward::L2 => true,
        Forward::Dscp(_) => vip.is_ipv4() == backend.is_ipv4(),
        Forward::Ipip(sources) | Forward::Gre { sources, .. } | Forward::Gue { sources, .. } => {
            configured(sources.ipv4.is_some(), sources.ipv6.is_some())
                || hop.path.source.is_some_and(|source| source.is_ipv4() == backend.is_ipv4())
        }
    }
}
