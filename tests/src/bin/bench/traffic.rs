//! The flows and their frames. Pure.

use std::{fmt, net::IpAddr};

use dsr::model::{Forward, VlanTag};
use dsr_common::{
    address::{Address, Family},
    flow::Flow,
    hash::split_mix,
};
use dsr_lab_common::bench::{self, FRAME, FRAME_WORDS, flow as flow_word};
use etherparse::{EtherType, Ethernet2Header, IpNumber, Ipv4Header, Ipv6Header, TcpHeader, UdpHeader};

use crate::{
    across::across,
    scenario::{BALANCER, PORT, ROUTER, vip},
};

/// What comes in: so many flows, in an order that no prefetcher can learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    /// How many flows.
    pub(crate) flows: u32,
    /// What their packets are.
    pub(crate) segment: Segment,
}

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// A bare ACK of a TCP connection.
    Established,
    /// A SYN.
    Opening,
    /// UDP.
    Datagram,
}

/// The headers around them, which a program is measured with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Headers {
    /// IPv4 or IPv6.
    pub(crate) family: Family,
    /// Whether the frames come in with a VLAN tag.
    pub(crate) tagged: bool,
    /// Whether the program changes the length of the frames.
    pub(crate) resized: bool,
    /// How they crossed routers, if they did: then all are those of the first flow.
    pub(crate) across: Option<Forward>,
}

impl Headers {
    /// Untagged IPv4.
    pub(crate) const IPV4: Self = Self { family: Family::V4, tagged: false, resized: false, across: None };
    /// Untagged IPv6.
    pub(crate) const IPV6: Self = Self { family: Family::V6, ..Self::IPV4 };

    /// The same with a tag.
    pub(crate) const fn tagged(self) -> Self {
        Self { tagged: true, ..self }
    }

    /// The same in packets to the first backend.
    pub(crate) const fn across(self, forward: Forward) -> Self {
        Self { across: Some(forward), ..self }
    }

    /// The same for a program that changes the length.
    pub(crate) const fn resized(self) -> Self {
        Self { resized: true, ..self }
    }
}

/// The tag that frames come in with.
pub(crate) const TAG_IN: VlanTag = VlanTag { tpid: 0x8100, id: 7 };

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}flow{}", self.flows, self.segment.prefix(), if self.flows == 1 { "" } else { "s" })
    }
}

impl Segment {
    /// What stands in front of the word "flows".
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Self::Established => "",
            Self::Opening => "SYN ",
            Self::Datagram => "UDP ",
        }
    }

    const fn protocol(self) -> IpNumber {
        match self {
            Self::Established | Self::Opening => IpNumber::TCP,
            Self::Datagram => IpNumber::UDP,
        }
    }

    /// The transport header; its checksum, which is not read, is zero.
    fn header(self, number: u32) -> Vec<u8> {
        let (from, to) = (client_port(number), PORT.get());
        let opening = TcpHeader { syn: true, ..TcpHeader::new(from, to, 1, 1024) };
        match self {
            Self::Established => {
                TcpHeader { ack: true, syn: false, acknowledgment_number: 1, ..opening }.to_bytes().to_vec()
            }
            Self::Opening => opening.to_bytes().to_vec(),
            Self::Datagram => {
                let header = UdpHeader { source_port: from, destination_port: to, length: 20, checksum: 0 };
                [&header.to_bytes()[..], &[0; 12]].concat()
            }
        }
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
    pub(crate) fn frame(self, headers: Headers, number: u32) -> [u8; FRAME] {
        let number = if headers.across.is_some() { 0 } else { number };
        let segment = self.segment.header(number);
        let ether_type = match headers.family {
            Family::V4 => EtherType::IPV4,
            Family::V6 => EtherType::IPV6,
        };
        let mut bytes = Ethernet2Header { destination: BALANCER.0, source: ROUTER.0, ether_type }.to_bytes().to_vec();
        if headers.tagged {
            bytes.splice(12..12, tag(TAG_IN));
        }
        bytes.extend(match headers.family {
            Family::V4 => ipv4(self.segment.protocol(), number, segment.len()).to_bytes().to_vec(),
            Family::V6 => ipv6(self.segment.protocol(), number, segment.len()).to_bytes().to_vec(),
        });
        bytes.extend(segment);
        if let Some(forward) = headers.across {
            bytes = across(forward, &bytes, self.flow(headers.family, number), 0);
        }
        let mut frame = [0; FRAME];
        frame[..bytes.len()].copy_from_slice(&bytes);
        frame
    }

    /// What the driver does, but for the row that it starts at.
    pub(crate) fn driver(self, headers: Headers) -> bench::Driver {
        let mut template = [0; FRAME_WORDS];
        for (word, bytes) in template.iter_mut().zip(self.frame(headers, 0).as_chunks().0) {
            *word = u64::from_ne_bytes(*bytes);
        }
        bench::Driver {
            template,
            flows: self.flows,
            ipv6: u32::from(headers.family == Family::V6),
            tagged: u32::from(headers.tagged),
            resizes: u32::from(headers.resized),
            is_constant: u32::from(headers.across.is_some()),
            ..bench::Driver::default()
        }
    }

    /// What the driver has to know of a flow.
    pub(crate) fn word(self, number: u32) -> u64 {
        let frame = self.frame(Headers::IPV4, number);
        let checksum = u16::from_ne_bytes([frame[24], frame[25]]);
        flow_word(u32::from_ne_bytes(client(number)), client_port(number).to_be(), checksum)
    }

    /// A flow as the program's hash sees it.
    pub(crate) fn flow(self, family: Family, number: u32) -> Flow {
        Flow {
            family,
            protocol: self.segment.protocol().0,
            client_port: client_port(number).to_be(),
            service_port: PORT.get().to_be(),
            client: match family {
                Family::V4 => Address::from_v4(client(number)),
                Family::V6 => Address::from_v6(client6(number)),
            },
            vip: match vip(family) {
                IpAddr::V4(address) => Address::from_v4(address.octets()),
                IpAddr::V6(address) => Address::from_v6(address.octets()),
            },
        }
    }
}

/// A tag as it lies in a frame.
pub(crate) fn tag(tag: VlanTag) -> [u8; 4] {
    let ([a, b], [c, d]) = (tag.tpid.to_be_bytes(), tag.id.to_be_bytes());
    [a, b, c, d]
}

fn ipv4(protocol: IpNumber, number: u32, payload: usize) -> Ipv4Header {
    let IpAddr::V4(vip) = vip(Family::V4) else { unreachable!("a VIP of the family that was asked for") };
    let mut ip = Ipv4Header {
        total_len: (Ipv4Header::MIN_LEN + payload) as u16,
        time_to_live: 64,
        protocol,
        source: client(number),
        destination: vip.octets(),
        ..Ipv4Header::default()
    };
    ip.header_checksum = ip.calc_header_checksum();
    ip
}

fn ipv6(protocol: IpNumber, number: u32, payload: usize) -> Ipv6Header {
    let IpAddr::V6(vip) = vip(Family::V6) else { unreachable!("a VIP of the family that was asked for") };
    Ipv6Header {
        payload_length: payload as u16,
        next_header: protocol,
        hop_limit: 64,
        source: client6(number),
        destination: vip.octets(),
        ..Ipv6Header::default()
    }
}

/// Each flow has a client of its own, in 10.0.0.0/8.
fn client(number: u32) -> [u8; 4] {
    (0x0a00_0001 + number).to_be_bytes()
}

/// The same in `2001:db8:c::/96`.
fn client6(number: u32) -> [u8; 16] {
    let mut address = [0x20, 1, 0x0d, 0xb8, 0, 0xc, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    address[12..].copy_from_slice(&client(number));
    address
}

/// Ports above the well-known ones, spread by a multiplication (Knuth's constant for 16 bits).
fn client_port(number: u32) -> u16 {
    1024 + (number.wrapping_mul(40503) >> 3 & 0x7fff) as u16
}
