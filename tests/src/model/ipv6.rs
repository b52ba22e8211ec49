//! "IPv6" of the page (RFC 8200).

use std::time::Duration;

use etherparse::Ipv6HeaderSlice;

use super::{
    Fate, Model, extensions,
    link::Link,
    packet::{Headers, ICMPV6, Packet},
};

/// Octets of the fixed header.
pub(super) const HEADER: usize = 40;

impl Model {
    pub(super) fn ipv6(&mut self, now: Duration, link: &Link<'_>, own: [u8; 6]) -> Fate {
        let fate = self.ipv6_to_us(now, link, own);
        match fate {
            // To a group only neighbour discovery is read: it is nobody's packet, so it is never dropped or sent.
            Fate::Answered("answer_ndp", _) | Fate::Ends("pass_nd_claim") => fate,
            _ if link.is_group() => Fate::Ends("pass_group"),
            fate => fate,
        }
    }

    fn ipv6_to_us(&mut self, now: Duration, link: &Link<'_>, own: [u8; 6]) -> Fate {
        let ip = link.payload;
        if ip.len() < HEADER {
            return Fate::Ends("pass_truncated");
        }
        let Ok(header) = Ipv6HeaderSlice::from_slice(ip) else {
            return Fate::Ends("pass_not_ip");
        };
        let to_vip = self.is_vip(header.destination_addr());
        let end = HEADER + usize::from(header.payload_length());
        if to_vip && ip.len() < end {
            return Fate::Ends("drop_malformed");
        }
        if header.next_header().0 == ICMPV6
            && let Some(fate) = self.neighbour_discovery(link, &header, own)
        {
            return fate;
        }
        if !to_vip {
            return Fate::Ends("pass_not_vip");
        }
        if link.is_group() {
            return Fate::Ends("pass_group");
        }
        let Some(packet) = packet(&header, &ip[..end]) else {
            return Fate::Ends("drop_malformed");
        };
        self.packet_to_vip(now, link, &packet)
    }
}

/// The packet, where its extension headers are within it.
fn packet<'a>(header: &Ipv6HeaderSlice<'_>, octets: &'a [u8]) -> Option<Packet<'a>> {
    let payload = &octets[HEADER..];
    let walked = extensions::walk(header.next_header().0, payload)?;
    Some(Packet {
        source: header.source_addr().into(),
        destination: header.destination_addr().into(),
        protocol: walked.protocol,
        payload: &payload[walked.offset..],
        length: octets.len(),
        headers: if walked.offset == 0 { Headers::Plain } else { Headers::Extended },
        fragment: walked.fragment,
    })
}
