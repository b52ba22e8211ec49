//! "ICMP to a VIP" of the page (RFC 792, RFC 4443): echo requests, and errors about what a backend sent.

use std::net::IpAddr;

use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice};

use super::{
    Fate, Model, extensions,
    ipv6::HEADER as IPV6_HEADER,
    link::Link,
    packet::{Fragment, Packet, has_ports, u16_at},
    select::FlowKey,
};

/// Bytes before the packet that an error is about; no message is shorter.
const HEADER: usize = 8;
/// Bytes behind the IP header of that packet that have to be there.
const PORTS: usize = 4;

impl Model {
    pub(super) fn icmp(&mut self, link: &Link<'_>, packet: &Packet<'_>) -> Fate {
        if packet.payload.len() < HEADER {
            return Fate::Ends("drop_malformed");
        }
        if let Some(answer) = self.echo(link, packet) {
            return Fate::Answered("answer_echo", answer);
        }
        let kind = packet.payload[0];
        let is_error = if packet.destination.is_ipv4() { matches!(kind, 3 | 11 | 12) } else { matches!(kind, 1..=4) };
        if !is_error {
            return Fate::Ends("drop_icmp");
        }
        match embedded_flow(&packet.payload[HEADER..], packet.destination) {
            Some(flow) => match self.balance(link, packet, false, &flow) {
                // An error is never answered by an error.
                Fate::Empty(_) => Fate::Ends("drop_no_backend"),
                fate => fate,
            },
            None => Fate::Ends("drop_icmp"),
        }
    }
}

/// The flow that an embedded packet, sent by the VIP, is an answer in.
fn embedded_flow(embedded: &[u8], vip: IpAddr) -> Option<FlowKey> {
    let (from, client, protocol, transport) =
        if vip.is_ipv4() { embedded_v4(embedded)? } else { embedded_v6(embedded)? };
    if from != vip || transport.len() < PORTS {
        return None;
    }
    let port = |at| if has_ports(protocol) { u16_at(transport, at) } else { 0 };
    Some(FlowKey { client, vip, protocol, client_port: port(2), service_port: port(0) })
}

/// Source, destination, protocol, and what follows the header.
type Embedded<'a> = (IpAddr, IpAddr, u8, &'a [u8]);

fn embedded_v4(bytes: &[u8]) -> Option<Embedded<'_>> {
    let header = Ipv4HeaderSlice::from_slice(bytes).ok()?;
    if header.fragments_offset().value() != 0 {
        return None;
    }
    let transport = &bytes[header.slice().len()..];
    Some((header.source_addr().into(), header.destination_addr().into(), header.protocol().0, transport))
}

fn embedded_v6(bytes: &[u8]) -> Option<Embedded<'_>> {
    let header = Ipv6HeaderSlice::from_slice(bytes).ok()?;
    let walked = extensions::walk(header.next_header().0, &bytes[IPV6_HEADER..])?;
    if matches!(walked.fragment, Fragment::Later(_)) {
        return None;
    }
    let transport = &bytes[IPV6_HEADER + walked.offset..];
    Some((header.source_addr().into(), header.destination_addr().into(), walked.protocol, transport))
}
