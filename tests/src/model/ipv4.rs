//! "IPv4" of the page (RFC 791).

use std::{net::Ipv4Addr, time::Duration};

use etherparse::Ipv4HeaderSlice;

use super::{
    Fate, Model,
    link::Link,
    packet::{Fragment, Headers, Packet},
};

/// Bytes of a header without options.
pub(super) const HEADER: usize = 20;

impl Model {
    pub(super) fn ipv4(&mut self, now: Duration, link: &Link<'_>) -> Fate {
        let Some(fixed) = link.payload.first_chunk::<HEADER>() else {
            return Fate::Ends("pass_truncated");
        };
        if fixed[0] >> 4 != 4 {
            return Fate::Ends("pass_not_ip");
        }
        if !self.is_vip(Ipv4Addr::new(fixed[16], fixed[17], fixed[18], fixed[19])) {
            return Fate::Ends("pass_not_vip");
        }
        let Some(packet) = packet(link.payload) else {
            return Fate::Ends("drop_malformed");
        };
        self.packet_to_vip(now, link, &packet)
    }
}

/// The packet, where header length, total length and frame agree.
fn packet(bytes: &[u8]) -> Option<Packet<'_>> {
    let header = Ipv4HeaderSlice::from_slice(bytes).ok()?;
    let (header_length, length) = (header.slice().len(), usize::from(header.total_len()));
    if length < header_length || bytes.len() < length {
        return None;
    }
    let identification = u32::from(header.identification());
    let fragment = match (header.fragments_offset().value(), header.more_fragments()) {
        (0, false) => Fragment::Whole,
        (0, true) => Fragment::First(identification),
        _ => Fragment::Later(identification),
    };
    Some(Packet {
        source: header.source_addr().into(),
        destination: header.destination_addr().into(),
        protocol: header.protocol().0,
        payload: &bytes[header_length..length],
        length,
        headers: if header_length == HEADER { Headers::Plain } else { Headers::Extended },
        fragment,
    })
}
