//! A UDP datagram of the lab's client, cut into three fragments by hand, in frames to the balancer.

use std::net::{IpAddr, UdpSocket};

use dsr_lab::Node;
use etherparse::{
    Ethernet2Header, IpFragOffset, IpNumber, Ipv4Header, Ipv6FragmentHeader, Ipv6Header, UdpHeader, ether_type,
};

/// The link and network header of each fragment, and what the fragments are cut from.
#[derive(Clone, Debug)]
pub struct Pieces {
    network: Network,
    id: u32,
    segment: Vec<u8>,
}

#[derive(Clone, Debug)]
enum Network {
    V4(Ipv4Header),
    V6(Ipv6Header),
}

impl Pieces {
    /// The datagram that a connected socket would send. `id` is the identification; IPv4 has its lower half.
    ///
    /// # Panics
    /// Where the socket is not connected, or the datagram does not take three fragments.
    #[must_use]
    pub fn of(socket: &UdpSocket, datagram: &[u8], id: u32) -> Self {
        let local = socket.local_addr().expect("it is bound");
        let peer = socket.peer_addr().expect("it is connected");
        let ports = (local.port(), peer.port());
        let (network, udp) = match (local.ip(), peer.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                let header = Ipv4Header::new(0, 64, IpNumber::UDP, from.octets(), to.octets());
                let header = header.expect("an empty packet is not too long");
                let udp = UdpHeader::with_ipv4_checksum(ports.0, ports.1, &header, datagram);
                (Network::V4(header), udp)
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                let header = Ipv6Header {
                    next_header: IpNumber::IPV6_FRAGMENTATION_HEADER,
                    hop_limit: 64,
                    source: from.octets(),
                    destination: to.octets(),
                    ..Ipv6Header::default()
                };
                let udp = UdpHeader::with_ipv6_checksum(ports.0, ports.1, &header, datagram);
                (Network::V6(header), udp)
            }
            _ => unreachable!("a socket is of one family"),
        };
        let segment = [&udp.expect("the datagram is not too long").to_bytes(), datagram].concat();
        assert_eq!(segment.len().div_ceil(PIECE), 3, "the datagram takes another number of fragments");
        Self { network, id, segment }
    }

    /// The frame with this fragment, counted from zero.
    ///
    /// # Panics
    /// Where there are not so many.
    #[must_use]
    pub fn frame(&self, index: usize) -> Vec<u8> {
        let piece = self.segment.chunks(PIECE).nth(index).expect("there are three");
        let more = (index + 1) * PIECE < self.segment.len();
        let offset = IpFragOffset::try_new((index * PIECE / 8) as u16).expect("a datagram is not too long");
        let (ether_type, header) = match &self.network {
            Network::V4(header) => (ether_type::IPV4, self.ipv4(header.clone(), piece.len(), offset, more)),
            Network::V6(header) => (ether_type::IPV6, self.ipv6(header.clone(), piece.len(), offset, more)),
        };
        let link = Ethernet2Header { source: Node::Client.mac().0, destination: Node::Balancer.mac().0, ether_type }
            .to_bytes();
        [&link, &*header, piece].concat()
    }

    fn ipv4(&self, mut header: Ipv4Header, length: usize, offset: IpFragOffset, more_fragments: bool) -> Vec<u8> {
        header.identification = self.id as u16;
        header.dont_fragment = false;
        header.more_fragments = more_fragments;
        header.fragment_offset = offset;
        header.set_payload_len(length).expect("a fragment is not too long");
        header.header_checksum = header.calc_header_checksum();
        header.to_bytes().to_vec()
    }

    fn ipv6(&self, mut header: Ipv6Header, length: usize, offset: IpFragOffset, more_fragments: bool) -> Vec<u8> {
        let fragment = Ipv6FragmentHeader::new(IpNumber::UDP, offset, more_fragments, self.id).to_bytes();
        header.set_payload_length(fragment.len() + length).expect("a fragment is not too long");
        [&header.to_bytes()[..], &fragment].concat()
    }
}

/// Bytes of the segment in a fragment: a multiple of 8 that an MTU of 1500 has room for.
const PIECE: usize = 1440;
