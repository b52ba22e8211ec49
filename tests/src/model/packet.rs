//! What both versions of IP come to: an IP packet to a VIP, its headers read.

use std::{net::IpAddr, time::Duration};

use dsr::model::OnAgentDeath;
use dsr_common::{
    flow::Flow,
    hash::{HashKeys, Keys as _},
};

use super::{
    Fate, Model, Sending, forward,
    fragments::{Datagram, First},
    link::Link,
    select::FlowKey,
};
use crate::heartbeat::Heartbeat;

/// Protocol numbers (IANA).
pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const ICMPV6: u8 = 58;
pub(super) const NO_NEXT_HEADER: u8 = 59;
pub(super) const SCTP: u8 = 132;

/// A packet whose lengths agree.
pub(super) struct Packet<'a> {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    /// The protocol behind all headers of IP.
    pub(super) protocol: u8,
    /// What follows all headers of IP, to the end that the lengths give.
    pub(super) payload: &'a [u8],
    /// Bytes of the headers of IP and of the payload.
    pub(super) length: usize,
    pub(super) headers: Headers,
    pub(super) fragment: Fragment,
}

/// What the headers of IP are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Headers {
    /// The fixed one alone.
    Plain,
    /// With IPv4 options or IPv6 extension headers.
    Extended,
}

/// Which part of its datagram a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fragment {
    /// All of it.
    Whole,
    /// Its beginning.
    First(u32),
    /// Another part, which has no transport header.
    Later(u32),
}

impl Packet<'_> {
    pub(super) fn is_icmp(&self) -> bool {
        match self.destination {
            IpAddr::V4(_) => self.protocol == ICMP,
            IpAddr::V6(_) => self.protocol == ICMPV6,
        }
    }

    fn datagram(&self, identification: u32) -> Datagram {
        let protocol = self.destination.is_ipv4().then_some(self.protocol);
        Datagram { source: self.source, destination: self.destination, identification, protocol }
    }

    /// Its flow, seen on the way to the VIP; nothing where the transport header is cut.
    fn flow(&self) -> Option<FlowKey> {
        let shortest = match self.protocol {
            TCP => 20,
            UDP => 8,
            SCTP => 12,
            _ => 0,
        };
        if self.payload.len() < shortest {
            return None;
        }
        let port = |at| if has_ports(self.protocol) { u16_at(self.payload, at) } else { 0 };
        Some(FlowKey {
            client: self.source,
            vip: self.destination,
            protocol: self.protocol,
            client_port: port(0),
            service_port: port(2),
        })
    }

    /// A TCP SYN without ACK (RFC 9293, 3.1), which is a first fragment where it is one.
    fn opens_flow(&self) -> bool {
        const FLAGS: usize = 13;
        const SYN_ACK: u8 = 0x12;
        const SYN: u8 = 0x02;
        self.protocol == TCP && self.payload[FLAGS] & SYN_ACK == SYN
    }
}

impl Model {
    /// What IPv4 and IPv6 have in common, from "Fragments" of the page on.
    pub(super) fn packet_to_vip(&mut self, now: Duration, link: &Link<'_>, packet: &Packet<'_>) -> Fate {
        if packet.fragment != Fragment::Whole && packet.is_icmp() {
            return Fate::Ends("drop_icmp");
        }
        if let Fragment::Later(identification) = packet.fragment {
            return match self.fragments.first(now, &packet.datagram(identification)) {
                Some(First::Sent(rule, backend)) => {
                    let hash = self.hash_of_datagram(packet, identification);
                    self.fate_at_member(link, packet, false, hash, (rule, backend))
                }
                Some(First::Passed) => Fate::Ends(PASSED),
                None => Fate::Ends("drop_fragment_early"),
            };
        }
        if packet.is_icmp() {
            return self.icmp(link, packet);
        }
        if packet.destination.is_ipv6() && packet.protocol == NO_NEXT_HEADER {
            return Fate::Ends("drop_protocol");
        }
        let Some(flow) = packet.flow() else {
            return Fate::Ends("drop_malformed");
        };
        let fate = match self.balance(link, packet, packet.opens_flow(), &flow) {
            Fate::Empty(rule) => return self.without_backend(link, packet, rule),
            fate => fate,
        };
        if let Fragment::First(identification) = packet.fragment {
            match &fate {
                Fate::Sent(Sending { to, .. }) | Fate::Looped(to) | Fate::TooBig(to, _) => {
                    let first = First::Sent(to.rule, to.backend);
                    self.fragments.remember(now, packet.datagram(identification), first);
                }
                Fate::Ends(PASSED) => self.fragments.remember(now, packet.datagram(identification), First::Passed),
                _ => (),
            }
        }
        match fate {
            Fate::TooBig(_, limit) => self.too_big(link, packet, limit),
            fate => fate,
        }
    }

    /// "Service" of the page: from the flow to the backend.
    pub(super) fn balance(&mut self, link: &Link<'_>, packet: &Packet<'_>, opens_flow: bool, flow: &FlowKey) -> Fate {
        let Some(rule) = self.rule(flow) else {
            return Fate::Ends(if has_ports(flow.protocol) { "drop_no_service" } else { "drop_protocol" });
        };
        if self.heartbeat == Heartbeat::Stopped && self.rules[rule].on_agent_death == OnAgentDeath::Pass {
            return Fate::Ends(PASSED);
        }
        let Some((rule, backend)) = self.follow(rule, flow, opens_flow) else {
            return Fate::Empty(rule);
        };
        let hash = HashKeys::from_seed(self.hash_seed).flow(&flow.words());
        self.fate_at_member(link, packet, opens_flow, hash, (rule, backend))
    }

    fn fate_at_member(
        &mut self,
        link: &Link<'_>,
        packet: &Packet<'_>,
        opens_flow: bool,
        hash: u64,
        (rule, backend): (usize, usize),
    ) -> Fate {
        let Some(to) = self.chosen(rule, backend) else {
            return Fate::Ends("drop_no_backend");
        };
        self.member = Some((rule, backend));
        match forward::limit(&to) {
            None if link.source == to.hop.destination.0 => return Fate::Looped(to),
            Some(limit) if packet.length > limit => return Fate::TooBig(to, limit),
            _ => (),
        }
        let is_later = matches!(packet.fragment, Fragment::Later(_));
        let transport = (!is_later).then_some((packet.length - packet.payload.len(), packet.protocol));
        let (bytes, bytes_before) = (link.length + packet.length, link.length);
        Fate::Sent(Sending { to, bytes, bytes_before, opens_flow, hash, transport })
    }

    /// The hash that a later fragment is sent by: of a flow with the identification in place of the ports.
    fn hash_of_datagram(&self, packet: &Packet<'_>, identification: u32) -> u64 {
        let raw = if packet.destination.is_ipv4() {
            u32::from((identification as u16).to_be())
        } else {
            identification.to_be()
        };
        let protocol = if packet.destination.is_ipv4() { packet.protocol } else { 0 };
        let key = FlowKey { client: packet.source, vip: packet.destination, protocol, client_port: 0, service_port: 0 };
        let flow = Flow { client_port: raw as u16, service_port: (raw >> 16) as u16, ..key.words() };
        HashKeys::from_seed(self.hash_seed).flow(&flow)
    }
}

/// Why packets are passed while no agent lives.
const PASSED: &str = "pass_agent_dead";

/// Whether a protocol's first four bytes are its source and destination port.
pub(super) const fn has_ports(protocol: u8) -> bool {
    matches!(protocol, TCP | UDP | SCTP)
}

/// Two bytes as a number.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}
