//! Frames that ask a backend for a VIP, byte by byte: sent to the backend's MAC, as the balancer's own packets are. Pure.

use std::net::{IpAddr, SocketAddr};

use super::observed::{ACK, Answer, ICMPV6, Observed, RST, SYN, TCP, network_header};
use crate::model::{Hop, Mac};

/// The way to a backend, and the address of this host that it answers to.
#[derive(Clone, Debug)]
pub(super) struct ProbePath<'a> {
    /// How frames get there.
    pub(super) hop: &'a Hop,
    /// The MAC of the interface, where answers are heard.
    pub(super) mac: Mac,
    /// This host's address, of the VIP's family.
    pub(super) source: IpAddr,
}

impl ProbePath<'_> {
    /// The first segment of a connection from this port to a VIP.
    pub(super) fn syn(&self, port: u16, to: SocketAddr) -> Vec<u8> {
        let segment = segment((port, to.port()), (FIRST, 0), SYN);
        self.frame(packet(self.source, to.ip(), TCP, segment))
    }

    /// An echo request to a VIP.
    pub(super) fn echo(&self, id: u16, vip: IpAddr) -> Vec<u8> {
        let [a, b] = id.to_be_bytes();
        let (kind, protocol) = if vip.is_ipv4() { (8, ICMP) } else { (128, ICMPV6) };
        self.frame(packet(self.source, vip, protocol, vec![kind, 0, 0, 0, a, b, 0, 1]))
    }

    fn frame(&self, packet: Vec<u8>) -> Vec<u8> {
        let tags = self.hop.tags.iter().flat_map(|tag| [tag.tpid.to_be_bytes(), tag.id.to_be_bytes()].concat());
        let ethertype = if self.source.is_ipv4() { [0x08, 0x00] } else { [0x86, 0xdd] };
        let mut frame = [self.hop.destination.0, self.mac.0].concat();
        frame.extend(tags);
        frame.extend(ethertype);
        frame.extend(packet);
        frame
    }
}

/// What ends a connection that `observed` says was opened: a reset in the other direction.
pub(super) fn end_of(observed: &Observed, frame: &[u8]) -> Option<Vec<u8>> {
    let Observed::Tcp { from: (vip, port), to, answer: Answer::Open, .. } = *observed else { return None };
    let at = network_header(frame)?;
    let source: IpAddr = match vip {
        IpAddr::V4(_) => IpAddr::from(*frame.get(at + 16..)?.first_chunk::<4>()?),
        IpAddr::V6(_) => IpAddr::from(*frame.get(at + 24..)?.first_chunk::<16>()?),
    };
    if !PORTS.contains(&to) {
        return None;
    }
    let reset = packet(source, vip, TCP, segment((to, port), (FIRST + 1, 0), RST));
    Some([&frame[6..12], &frame[..6], &frame[12..at], &reset].concat())
}

/// Ports of this host that probes come from: below those that Linux gives to sockets by itself.
pub(super) const PORTS: std::ops::Range<u16> = 20_000..30_000;
const FIRST: u32 = 0x0d5a_0000;
const ICMP: u8 = 1;

fn segment((from, to): (u16, u16), (number, acknowledged): (u32, u32), flags: u8) -> Vec<u8> {
    debug_assert!(flags & ACK == 0 || acknowledged != 0);
    let mut segment = [from.to_be_bytes(), to.to_be_bytes()].concat();
    segment.extend(number.to_be_bytes());
    segment.extend(acknowledged.to_be_bytes());
    segment.extend([5 << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment
}

/// An IP packet with the checksum of its payload made right.
fn packet(source: IpAddr, destination: IpAddr, protocol: u8, mut payload: Vec<u8>) -> Vec<u8> {
    let length = payload.len() as u16;
    let at = if protocol == TCP { 16 } else { 2 };
    let addresses = match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => [source.octets(), destination.octets()].concat(),
        (IpAddr::V6(source), IpAddr::V6(destination)) => [source.octets(), destination.octets()].concat(),
        // A way has the VIP's family.
        _ => Vec::new(),
    };
    // ICMP for IPv4 is the one without a pseudo header.
    let pseudo = if protocol == ICMP { 0 } else { sum(&addresses) + u32::from(protocol) + u32::from(length) };
    let checksum = folded(pseudo + sum(&payload));
    payload[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
    let mut header = if source.is_ipv4() {
        let [a, b] = (length + 20).to_be_bytes();
        vec![0x45, 0, a, b, 0, 0, 0x40, 0, 64, protocol, 0, 0]
    } else {
        let [a, b] = length.to_be_bytes();
        vec![0x60, 0, 0, 0, a, b, protocol, 64]
    };
    header.extend(addresses);
    if source.is_ipv4() {
        let checksum = folded(sum(&header));
        header[10..12].copy_from_slice(&checksum.to_be_bytes());
    }
    header.extend(payload);
    header
}

fn sum(bytes: &[u8]) -> u32 {
    bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0))).sum()
}

fn folded(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{RoutedPath, VlanTag};

    fn hop(tags: Vec<VlanTag>) -> Hop {
        Hop { ifindex: 2, source: Mac([2; 6]), destination: Mac([4; 6]), tags, path: RoutedPath::default() }
    }

    #[test]
    fn the_syn_is_sound() {
        for (source, to) in [("10.0.0.1", "192.0.2.10:80"), ("2001:db8::1", "[2001:db8::53]:80")] {
            let hop = hop(vec![VlanTag { tpid: 0x8100, id: 7 }]);
            let path = ProbePath { hop: &hop, mac: Mac([2; 6]), source: source.parse().unwrap() };
            let frame = path.syn(20_001, to.parse().unwrap());
            assert_eq!(frame[..16], [4, 4, 4, 4, 4, 4, 2, 2, 2, 2, 2, 2, 0x81, 0, 0, 7]);
            let (packet, v4) = (&frame[18..], source.contains('.'));
            let (header, addresses) = if v4 { (20, 12..20) } else { (40, 8..40) };
            let segment = &packet[header..];
            let total = sum(&packet[addresses]) + u32::from(TCP) + segment.len() as u32 + sum(segment);
            assert_eq!((folded(total), segment.len(), segment[13]), (0, 20, SYN));
            assert!(!v4 || folded(sum(&packet[..20])) == 0);
        }
    }

    #[test]
    fn an_answer_is_heard_and_ended() {
        let hop = hop(Vec::new());
        let path = ProbePath { hop: &hop, mac: Mac([2; 6]), source: "10.0.0.1".parse().unwrap() };
        // The answer is the question the other way round, with SYN and ACK.
        let mut frame = path.syn(20_001, "192.0.2.10:80".parse().unwrap());
        let (macs, addresses, ports) = (frame[..12].to_vec(), frame[26..34].to_vec(), frame[34..38].to_vec());
        frame[..12].copy_from_slice(&[&macs[6..], &macs[..6]].concat());
        frame[26..34].copy_from_slice(&[&addresses[4..], &addresses[..4]].concat());
        frame[34..38].copy_from_slice(&[&ports[2..], &ports[..2]].concat());
        frame[47] = SYN | ACK;
        let observed = Observed::of(&frame).unwrap();
        let from = ("192.0.2.10".parse().unwrap(), 80);
        assert_eq!(observed, Observed::Tcp { mac: Mac([4; 6]), from, to: 20_001, answer: Answer::Open });
        let end = end_of(&observed, &frame).unwrap();
        assert_eq!((&end[..12], &end[26..34], &end[34..38], end[47]), (&macs[..], &addresses[..], &ports[..], RST));
        assert_eq!(Observed::of(&end).map(|observed| end_of(&observed, &end)), Some(None), "a reset is not answered");
    }

    #[test]
    fn an_echo_is_asked_for_and_its_answer_heard() {
        for (source, vip, reply) in [("10.0.0.1", "192.0.2.10", 0), ("2001:db8::1", "2001:db8::53", 129)] {
            let hop = hop(Vec::new());
            let path = ProbePath { hop: &hop, mac: Mac([2; 6]), source: source.parse().unwrap() };
            let mut frame = path.echo(77, vip.parse().unwrap());
            let asks = Observed::of(&frame);
            assert_eq!(asks, Some(Observed::Host { address: path.source, mac: path.mac }), "a question is no answer");
            let at = if source.contains('.') { 34 } else { 54 };
            frame[at] = reply;
            let from = source.parse().unwrap();
            assert_eq!(Observed::of(&frame), Some(Observed::Echo { mac: Mac([2; 6]), from, id: 77 }));
        }
    }
}
