//! "IPv6" of the page (RFC 8200).

use std::time::Duration;

use etherparse::Ipv6HeaderSlice;

use super::{
    Fate, Model, extensions,
    link::Link,
    packet::{Headers, Packet},
};

/// Bytes of the fixed header.
pub(super) const HEADER: usize = 40;

impl Model {
    pub(super) fn ipv6(&mut self, now: Duration, link: &Link<'_>, own: [u8; 6]) -> Fate {
        // What is to a group is not looked at any closer than neighbour discovery needs.
        let unread = |reason| Fate::Ends(if link.is_group() { "pass_group" } else { reason });
        let ip = link.payload;
        if ip.len() < HEADER {
            return unread("pass_truncated");
        }
        let Ok(header) = Ipv6HeaderSlice::from_slice(ip) else {
            return unread("pass_not_ip");
        };
        if let Some(fate) = self.neighbour_discovery(link, &header, own) {
            return fate;
        }
        if link.is_group() {
            return Fate::Ends("pass_group");
        }
        if !self.is_vip(header.destination_addr()) {
            return Fate::Ends("pass_not_vip");
        }
        let end = HEADER + usize::from(header.payload_length());
        let Some(packet) = ip.get(..end).and_then(|bytes| packet(&header, bytes)) else {
            return Fate::Ends("drop_malformed");
        };
        self.packet_to_vip(now, link, &packet)
    }
}

/// The packet, where its extension headers are within it.
fn packet<'a>(header: &Ipv6HeaderSlice<'_>, bytes: &'a [u8]) -> Option<Packet<'a>> {
    let payload = &bytes[HEADER..];
    let walked = extensions::walk(header.next_header().0, payload)?;
    Some(Packet {
        source: header.source_addr().into(),
        destination: header.destination_addr().into(),
        protocol: walked.protocol,
        payload: &payload[walked.offset..],
        length: bytes.len(),
        headers: if walked.offset == 0 { Headers::Plain } else { Headers::Extended },
        fragment: walked.fragment,
    })
}
