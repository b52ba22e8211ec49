//! Builds frames, byte by byte where it matters and with etherparse where it does not.

use std::net::Ipv4Addr;

use etherparse::PacketBuilder;

/// The MAC of the interface that frames come in on.
pub const OWN_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];
/// The MAC of the router or client that frames come from.
pub const PEER_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x99];
/// The VIP of the tests.
pub const VIP: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
/// A client.
pub const CLIENT: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);

/// What a TCP segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// SYN without ACK.
    Syn,
    /// ACK with data.
    Data,
}

/// A TCP segment from [`CLIENT`], or as `client` says, with sound lengths and checksums.
pub fn tcp(client: (Ipv4Addr, u16), vip: (Ipv4Addr, u16), segment: Segment) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(PEER_MAC, OWN_MAC).ipv4(client.0.octets(), vip.0.octets(), 64);
    let tcp = builder.tcp(client.1, vip.1, 0x0102_0304, 65000);
    match segment {
        Segment::Syn => build(tcp.syn(), &[]),
        Segment::Data => build(tcp.ack(7).psh(), b"hello"),
    }
}

/// A UDP datagram with sound lengths and checksums.
pub fn udp(client: (Ipv4Addr, u16), vip: (Ipv4Addr, u16), payload: &[u8]) -> Vec<u8> {
    build(
        PacketBuilder::ethernet2(PEER_MAC, OWN_MAC).ipv4(client.0.octets(), vip.0.octets(), 64).udp(client.1, vip.1),
        payload,
    )
}

/// An ICMP echo request.
pub fn echo(client: Ipv4Addr, vip: Ipv4Addr) -> Vec<u8> {
    build(
        PacketBuilder::ethernet2(PEER_MAC, OWN_MAC).ipv4(client.octets(), vip.octets(), 33).icmpv4_echo_request(5, 6),
        b"some data",
    )
}

/// An ARP packet as it is on the wire, padded to the shortest frame.
pub fn arp(operation: u16, sender: ([u8; 6], Ipv4Addr), target: ([u8; 6], Ipv4Addr), destination: [u8; 6]) -> Vec<u8> {
    let mut frame = Vec::new();
    frame.extend_from_slice(&destination);
    frame.extend_from_slice(&sender.0);
    frame.extend_from_slice(&[0x08, 0x06, 0, 1, 8, 0, 6, 4]);
    frame.extend_from_slice(&operation.to_be_bytes());
    frame.extend_from_slice(&sender.0);
    frame.extend_from_slice(&sender.1.octets());
    frame.extend_from_slice(&target.0);
    frame.extend_from_slice(&target.1.octets());
    frame.resize(60, 0);
    frame
}

/// The same frame with a VLAN tag.
pub fn tagged(frame: &[u8], tpid: u16, id: u16) -> Vec<u8> {
    let mut tagged = frame[..12].to_vec();
    tagged.extend_from_slice(&tpid.to_be_bytes());
    tagged.extend_from_slice(&id.to_be_bytes());
    tagged.extend_from_slice(&frame[12..]);
    tagged
}

/// The same frame without its first tag.
pub fn untagged(frame: &[u8]) -> Vec<u8> {
    [&frame[..12], &frame[16..]].concat()
}

/// The same IPv4 frame with options of `words` times four bytes (no-operation), lengths and checksum made right.
pub fn with_options(frame: &[u8], words: u8) -> Vec<u8> {
    let mut with = frame[..34].to_vec();
    with.extend(std::iter::repeat_n(1, usize::from(words) * 4));
    with.extend_from_slice(&frame[34..]);
    with[14] += words;
    let total = u16::from_be_bytes([frame[16], frame[17]]) + u16::from(words) * 4;
    with[16..18].copy_from_slice(&total.to_be_bytes());
    with[24..26].fill(0);
    let length = 20 + usize::from(words) * 4;
    let sum = checksum(&with[14..14 + length]);
    with[24..26].copy_from_slice(&sum.to_be_bytes());
    with
}

/// The Internet checksum (RFC 1071), computed the plain way.
pub fn checksum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    let mut sum: u32 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn build<S>(builder: etherparse::PacketBuilderStep<S>, payload: &[u8]) -> Vec<u8>
where
    etherparse::PacketBuilderStep<S>: Finish,
{
    builder.finish(payload)
}

/// The last step of a builder, whatever the transport.
pub trait Finish {
    /// The bytes of the frame.
    fn finish(self, payload: &[u8]) -> Vec<u8>;
}

macro_rules! finish {
    ($($header:ty),+) => {$(
        impl Finish for etherparse::PacketBuilderStep<$header> {
            fn finish(self, payload: &[u8]) -> Vec<u8> {
                let mut frame = Vec::with_capacity(self.size(payload.len()));
                self.write(&mut frame, payload).expect("a vector takes every byte");
                frame
            }
        }
    )+};
}

finish!(etherparse::TcpHeader, etherparse::UdpHeader, etherparse::Icmpv4Header);
