//! Packets of a flow, whole and in fragments, and noise.

use super::{
    cluster::endpoint,
    ip::{Header, client},
    rng::Rng,
    transport::{between, protocol, segment},
};

/// What goes behind a link header.
pub(super) struct Packet {
    pub(super) ether_type: u16,
    /// The MAC that it has to be sent to, where that is not ours.
    pub(super) to: Option<[u8; 6]>,
    pub(super) bytes: Vec<u8>,
}

impl Packet {
    /// An IP packet, to us.
    pub(super) fn ip(header: &Header, payload: &[u8]) -> Self {
        let ether_type = if header.destination.is_ipv4() { 0x0800 } else { 0x86dd };
        Self { ether_type, to: None, bytes: header.packet(payload) }
    }
}

/// One to three packets of one flow, now and then large ones.
pub(super) fn flow(rng: &mut Rng) -> Vec<Packet> {
    let (header, mut payload) = begin(rng);
    if rng.one_in(12) {
        let more = rng.below(LARGE);
        payload.extend_from_slice(&rng.octets(more));
    }
    let mut packets = vec![Packet::ip(&header, &payload)];
    for _ in 0..rng.below(3) {
        let more = rng.octets(5);
        payload.extend_from_slice(&more);
        packets.push(Packet::ip(&header, &payload));
    }
    packets
}

/// A datagram in fragments: in order or not, some twice, some missing, some of a datagram much like it.
pub(super) fn fragments(rng: &mut Rng) -> Vec<Packet> {
    let (mut header, mut datagram) = begin(rng);
    if rng.one_in(16) {
        header.protocol = rng.pick(&[1, 58]);
    }
    datagram.extend_from_slice(&rng.octets(64));
    // A first fragment of less than three units has a cut transport header.
    let unit = 8 * rng.pick(&[1, 2, 3, 3, 4, 6]);
    let identification = rng.next() as u32;
    let mut packets = Vec::new();
    for at in (0..datagram.len()).step_by(unit) {
        let end = (at + unit).min(datagram.len());
        header.fragment = Some((identification, (at / 8) as u16, end < datagram.len()));
        packets.push(Packet::ip(&header, &datagram[at..end]));
    }
    disorder(rng, &mut packets);
    if rng.one_in(4) {
        let (end, other) = (datagram.len().min(16), rng.one_in(2));
        header.fragment = Some((identification ^ u32::from(other), 4, false));
        header.protocol ^= u8::from(!other);
        packets.push(Packet::ip(&header, &datagram[..end]));
    }
    packets
}

/// Header and payload of a flow: mostly one of a service, else of anything.
fn begin(rng: &mut Rng) -> (Header, Vec<u8>) {
    let any = protocol(rng);
    let mut header = Header::any(rng, any);
    if rng.one_in(3) {
        return (header, segment(rng, any));
    }
    let (vip, protocol, port) = endpoint(rng, any);
    (header.source, header.destination, header.protocol) = (client(rng, vip.is_ipv4()), vip, protocol);
    (header.options, header.extensions) = (Vec::new(), Vec::new());
    header.decorate(rng);
    let client_port = rng.next() as u16;
    (header, between(rng, protocol, client_port, port))
}

fn disorder(rng: &mut Rng, packets: &mut Vec<Packet>) {
    match rng.below(5) {
        0 => packets.reverse(),
        1 => {
            let (a, b) = (rng.below(packets.len()), rng.below(packets.len()));
            packets.swap(a, b);
        }
        2 => {
            let lost = rng.below(packets.len());
            packets.remove(lost);
        }
        _ => (),
    }
}

/// Any bytes, behind an EtherType that may be one that is read.
pub(super) fn noise(rng: &mut Rng) -> Packet {
    let any = rng.next() as u16;
    let ether_type = rng.pick(&[0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8, 0x8847, 0x05ff, any]);
    let length = rng.below(120);
    let mut bytes = rng.octets(length);
    if rng.one_in(2) && !bytes.is_empty() {
        bytes[0] = rng.pick(&[0x45, 0x60, 0x4f, 0x46]);
    }
    Packet { ether_type, to: None, bytes }
}

/// Bytes that a large packet has more than others: it still fits a link of 1500 bytes.
const LARGE: usize = 1300;
