//! A flow in each forward mode that crosses routers and each family mix, to the services of `generate/cluster.rs`.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use dsr::datapath::Features;
use dsr_tests::{
    frame::{OWN_MAC, PEER_MAC, checksum},
    generate::cluster,
    program::{Program, Verdict},
};
use etherparse::{IpNumber, Ipv4Header, Ipv6Header, TcpHeader, UdpHeader};

/// Forward modes by their service, with the protocol and port that it is on; whether packets are encapsulated.
const MODES: [(&str, IpNumber, u16, bool); 8] = [
    ("ipip", IpNumber::TCP, 80, true),
    ("gre", IpNumber::TCP, 81, true),
    ("key", IpNumber::UDP, 53, true),
    ("gue", IpNumber::UDP, 443, true),
    ("gue0", IpNumber::SCTP, 5060, true),
    ("prefix", IpNumber::TCP, 443, true),
    ("dscp", IpNumber::TCP, 9999, false),
    ("dscp-udp", IpNumber::UDP, 9999, false),
];
const CLIENT_PORTS: std::ops::Range<u16> = 40000..40060;

/// A flow, and which family its packets have on their way to the backend.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    pub(crate) mode: &'static str,
    pub(crate) is_encapsulated: bool,
    pub(crate) is_v4: bool,
    pub(crate) outer_v4: bool,
    protocol: IpNumber,
    client_port: u16,
    port: u16,
}

/// The balancer's program with the services of the cluster.
pub(crate) fn balancer() -> Program {
    Program::load(cluster::desired(), &cluster::network(), Features::ALL).unwrap()
}

/// One flow for each mode and family mix.
pub(crate) fn flows(program: &Program) -> Vec<Flow> {
    let mut flows = BTreeMap::new();
    for (mode, protocol, port, is_encapsulated) in MODES {
        for (is_v4, client_port) in
            [true, false].into_iter().flat_map(|is_v4| CLIENT_PORTS.map(move |port| (is_v4, port)))
        {
            let mut flow = Flow { mode, is_encapsulated, is_v4, outer_v4: is_v4, protocol, client_port, port };
            // A path may be too narrow; then the client is told.
            let Some(sent) = flow.sent(program, 0) else { continue };
            flow.outer_v4 = sent[link_length(&sent)] >> 4 == 4;
            flows.entry((mode, is_v4, flow.outer_v4)).or_insert(flow);
        }
    }
    let tunnels = MODES.iter().filter(|(.., is_encapsulated)| *is_encapsulated).count();
    assert_eq!(flows.len(), tunnels * 4 + (MODES.len() - tunnels) * 2, "{:?}", flows.keys());
    flows.into_values().collect()
}

impl Flow {
    pub(crate) fn vip(&self) -> IpAddr {
        cluster::FAR[usize::from(!self.is_v4)]
    }

    /// The flow's packet to the VIP, with this DSCP and ECN.
    pub(crate) fn packet(&self, class: u8) -> Vec<u8> {
        match self.vip() {
            IpAddr::V4(vip) => self.packet_v4(Ipv4Addr::new(198, 51, 100, 7), vip, class),
            IpAddr::V6(vip) => self.packet_v6("2001:db8:7::7".parse().unwrap(), vip, class),
        }
    }

    /// The same as it comes from the router.
    pub(crate) fn frame(&self, class: u8) -> Vec<u8> {
        [&OWN_MAC[..], &PEER_MAC, &ether_type(self.is_v4), &self.packet(class)].concat()
    }

    /// What the balancer sends for it to a backend, if it does.
    pub(crate) fn sent(&self, program: &Program, class: u8) -> Option<Vec<u8>> {
        let (verdict, frame) = program.run_uncounted(&self.frame(class)).unwrap();
        assert_eq!(verdict, Verdict::Tx, "{self:?}");
        (frame[..6] != PEER_MAC).then_some(frame)
    }

    fn packet_v4(&self, client: Ipv4Addr, vip: Ipv4Addr, class: u8) -> Vec<u8> {
        let mut segment = self.segment();
        if let Some(at) = self.checksum_at() {
            let length = (segment.len() as u16).to_be_bytes();
            let pseudo = [&client.octets()[..], &vip.octets(), &[0, self.protocol.0], &length, &segment].concat();
            segment[at..at + 2].copy_from_slice(&checksum(&pseudo).to_be_bytes());
        }
        let mut ip = Ipv4Header::new(segment.len() as u16, 64, self.protocol, client.octets(), vip.octets()).unwrap();
        (ip.dscp, ip.ecn) = ((class >> 2).try_into().unwrap(), (class & 3).try_into().unwrap());
        ip.header_checksum = ip.calc_header_checksum();
        [&ip.to_bytes()[..], &segment].concat()
    }

    fn packet_v6(&self, client: Ipv6Addr, vip: Ipv6Addr, class: u8) -> Vec<u8> {
        let mut segment = self.segment();
        if let Some(at) = self.checksum_at() {
            let length = (segment.len() as u32).to_be_bytes();
            let pseudo = [&client.octets()[..], &vip.octets(), &length, &[0, 0, 0, self.protocol.0], &segment].concat();
            segment[at..at + 2].copy_from_slice(&checksum(&pseudo).to_be_bytes());
        }
        let ip = Ipv6Header {
            traffic_class: class,
            payload_length: segment.len() as u16,
            next_header: self.protocol,
            hop_limit: 64,
            source: client.octets(),
            destination: vip.octets(),
            ..Ipv6Header::default()
        };
        [&ip.to_bytes()[..], &segment].concat()
    }

    /// The transport header and data, without a checksum.
    fn segment(&self) -> Vec<u8> {
        let data = b"hello";
        match self.protocol {
            IpNumber::TCP => {
                let tcp = TcpHeader {
                    ack: true,
                    acknowledgment_number: 9,
                    ..TcpHeader::new(self.client_port, self.port, 7, 65000)
                };
                [&tcp.to_bytes()[..], data].concat()
            }
            IpNumber::UDP => {
                let length = (8 + data.len()) as u16;
                let udp = UdpHeader { source_port: self.client_port, destination_port: self.port, length, checksum: 0 };
                [&udp.to_bytes()[..], data].concat()
            }
            // SCTP, a chunk of type COOKIE ACK; its checksum is a CRC that covers no address.
            _ => {
                [&self.client_port.to_be_bytes()[..], &self.port.to_be_bytes(), &[1, 2, 3, 4, 5, 6, 7, 8, 11, 0, 0, 4]]
                    .concat()
            }
        }
    }

    const fn checksum_at(&self) -> Option<usize> {
        match self.protocol {
            IpNumber::TCP => Some(16),
            IpNumber::UDP => Some(6),
            _ => None,
        }
    }
}

/// Where the packet begins in a frame.
pub(crate) fn link_length(frame: &[u8]) -> usize {
    let mut at = 12;
    while matches!(frame[at..at + 2], [0x81, 0x00] | [0x88, 0xa8]) {
        at += 4;
    }
    at + 2
}

pub(crate) const fn ether_type(is_v4: bool) -> [u8; 2] {
    if is_v4 { [0x08, 0x00] } else { [0x86, 0xdd] }
}
