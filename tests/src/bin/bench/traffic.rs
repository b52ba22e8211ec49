//! The flows and their frames. Pure.

use std::fmt;

use dsr_common::{
    address::{Address, Family},
    bench::{FRAME, FRAME_WORDS, flow as flow_word},
    flow::Flow,
    hash::split_mix,
};
use etherparse::{EtherType, Ethernet2Header, IpNumber, Ipv4Header, TcpHeader};

use crate::scenario::{BALANCER, PORT, ROUTER, VIP};

/// What comes in: so many TCP flows, in an order that no prefetcher can learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    /// How many flows.
    pub(crate) flows: u32,
    /// What their packets are.
    pub(crate) segment: Segment,
}

/// What a TCP packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// A bare ACK of a connection.
    Established,
    /// A SYN.
    Opening,
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.segment {
            Segment::Established => "flow",
            Segment::Opening => "SYN flow",
        };
        write!(f, "{} {kind}{}", self.flows, if self.flows == 1 { "" } else { "s" })
    }
}

impl Load {
    /// The numbers of the flows in the order of their packets: a permutation that is the same in every run.
    pub(crate) fn order(self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.flows).collect();
        let mut state = u64::from(self.flows);
        for last in (1..order.len()).rev() {
            let other = ((u128::from(split_mix(&mut state)) * (last as u128 + 1)) >> 64) as usize;
            order.swap(last, other);
        }
        order
    }

    /// The frame of a flow as it comes in.
    pub(crate) fn frame(self, number: u32) -> [u8; FRAME] {
        let tcp = TcpHeader {
            ack: true,
            syn: false,
            sequence_number: 1,
            acknowledgment_number: 1,
            window_size: 1024,
            ..TcpHeader::new(client_port(number), PORT.get(), 1, 1024)
        };
        let tcp = match self.segment {
            Segment::Established => tcp,
            Segment::Opening => TcpHeader { ack: false, syn: true, acknowledgment_number: 0, ..tcp },
        };
        let mut ip = Ipv4Header {
            total_len: (Ipv4Header::MIN_LEN + TcpHeader::MIN_LEN) as u16,
            time_to_live: 64,
            protocol: IpNumber::TCP,
            source: client(number),
            destination: VIP.octets(),
            ..Ipv4Header::default()
        };
        ip.header_checksum = ip.calc_header_checksum();
        let link = Ethernet2Header { destination: BALANCER.0, source: ROUTER.0, ether_type: EtherType::IPV4 };
        let mut frame = [0; FRAME];
        let octets = [&link.to_bytes()[..], &ip.to_bytes(), &tcp.to_bytes()].concat();
        frame[..octets.len()].copy_from_slice(&octets);
        frame
    }

    /// The frame that the driver starts from, in words.
    pub(crate) fn template(self) -> [u64; FRAME_WORDS] {
        let frame = self.frame(0);
        let mut words = [0; FRAME_WORDS];
        for (word, octets) in words.iter_mut().zip(frame.chunks(8)) {
            let mut whole = [0; 8];
            whole[..octets.len()].copy_from_slice(octets);
            *word = u64::from_ne_bytes(whole);
        }
        words
    }

    /// What the driver has to know of a flow.
    pub(crate) fn word(self, number: u32) -> u64 {
        let frame = self.frame(number);
        let checksum = u16::from_ne_bytes([frame[24], frame[25]]);
        flow_word(u32::from_ne_bytes(client(number)), client_port(number).to_be(), checksum)
    }
}

/// A flow as the program's hash sees it.
pub(crate) fn flow(number: u32) -> Flow {
    Flow {
        family: Family::V4,
        protocol: IpNumber::TCP.0,
        client_port: client_port(number).to_be(),
        service_port: PORT.get().to_be(),
        client: Address::from_v4(client(number)),
        vip: Address::from_v4(VIP.octets()),
    }
}

/// Each flow has a client of its own, in 10.0.0.0/8.
fn client(number: u32) -> [u8; 4] {
    (0x0a00_0001 + number).to_be_bytes()
}

/// Ports above the well-known ones, spread by a multiplication (Knuth's constant for 16 bits).
fn client_port(number: u32) -> u16 {
    1024 + (number.wrapping_mul(40503) >> 3 & 0x7fff) as u16
}
