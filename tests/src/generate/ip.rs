//! IP headers: with options of every length, with chains of extension headers, and fragments.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use dsr_common::limits::EXTENSIONS;

use super::{
    cluster::{VIPS_V4, VIPS_V6},
    rng::Rng,
};
use crate::frame::checksum;

/// What an IP header says, before it is written.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) protocol: u8,
    pub(super) hops: u8,
    /// IPv4 options, or IPv6 extension headers that stand before a fragment header: number and bytes each.
    pub(super) options: Vec<u8>,
    pub(super) extensions: Vec<(u8, Vec<u8>)>,
    /// Identification, offset in units of eight bytes, more to come.
    pub(super) fragment: Option<(u32, u16, bool)>,
}

const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const WALKED: [u8; 4] = [0, 43, 60, AUTHENTICATION];

impl Header {
    /// Between these two, with nothing special.
    pub(super) fn plain(source: IpAddr, destination: IpAddr, protocol: u8) -> Self {
        let (options, extensions) = (Vec::new(), Vec::new());
        Self { source, destination, protocol, hops: 64, options, extensions, fragment: None }
    }

    /// From a client, mostly to a VIP, sometimes with options or extension headers.
    pub(super) fn any(rng: &mut Rng, protocol: u8) -> Self {
        let v4 = !rng.one_in(3);
        let mut header = Self::plain(client(rng, v4), destination(rng, v4), protocol);
        header.hops = rng.pick(&[1, 63, 64, 255, 0, 128]);
        header.decorate(rng);
        header
    }

    /// Adds options or extension headers at times.
    pub(super) fn decorate(&mut self, rng: &mut Rng) {
        if rng.one_in(4) {
            if self.destination.is_ipv4() {
                let words = rng.below(11);
                self.options = rng.octets(words * 4);
            } else {
                let count = if rng.one_in(6) { rng.below(EXTENSIONS as usize + 3) } else { rng.below(4) };
                self.extensions = (0..count).map(|_| extension(rng)).collect();
            }
        }
    }

    /// The packet: header, what follows, and all lengths and the header's checksum right.
    pub(super) fn packet(&self, payload: &[u8]) -> Vec<u8> {
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => self.v4(source, destination, payload),
            (IpAddr::V6(source), IpAddr::V6(destination)) => self.v6(source, destination, payload),
            _ => unreachable!("both ends are of one family"),
        }
    }

    fn v4(&self, source: Ipv4Addr, destination: Ipv4Addr, payload: &[u8]) -> Vec<u8> {
        let length = 20 + self.options.len();
        let (identification, offset, more) = self.fragment.unwrap_or((0x1234, 0, false));
        let flags = if more { 0x2000 } else { 0 };
        let mut packet = vec![0x40 | (length / 4) as u8, 0];
        packet.extend_from_slice(&((length + payload.len()) as u16).to_be_bytes());
        packet.extend_from_slice(&(identification as u16).to_be_bytes());
        packet.extend_from_slice(&(offset | flags).to_be_bytes());
        packet.extend_from_slice(&[self.hops, self.protocol, 0, 0]);
        packet.extend_from_slice(&source.octets());
        packet.extend_from_slice(&destination.octets());
        packet.extend_from_slice(&self.options);
        let sum = checksum(&packet);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        packet.extend_from_slice(payload);
        packet
    }

    fn v6(&self, source: Ipv6Addr, destination: Ipv6Addr, payload: &[u8]) -> Vec<u8> {
        let mut chain = self.extensions.clone();
        if let Some((identification, offset, more)) = self.fragment {
            let word = (offset << 3 | u16::from(more)).to_be_bytes();
            let header = [&[0, 0, word[0], word[1]], &identification.to_be_bytes()[..]].concat();
            chain.push((FRAGMENT, header));
        }
        let mut next = self.protocol;
        let mut behind = Vec::new();
        for (number, mut header) in chain.into_iter().rev() {
            header[0] = next;
            header.extend_from_slice(&behind);
            (next, behind) = (number, header);
        }
        behind.extend_from_slice(payload);
        let mut packet = vec![0x60, 0, 0, 0];
        packet.extend_from_slice(&(behind.len() as u16).to_be_bytes());
        packet.extend_from_slice(&[next, self.hops]);
        packet.extend_from_slice(&source.octets());
        packet.extend_from_slice(&destination.octets());
        packet.extend_from_slice(&behind);
        packet
    }
}

/// An extension header: its number, and its bytes, of which the first will name the next.
fn extension(rng: &mut Rng) -> (u8, Vec<u8>) {
    if rng.one_in(8) {
        // An atomic fragment.
        return (FRAGMENT, vec![0, 0, 0, 0, 1, 2, 3, 4]);
    }
    let (number, units) = (rng.pick(&WALKED), rng.below(4));
    if number == AUTHENTICATION {
        let mut header = rng.octets((units + 3) * 4);
        header[1] = units as u8 + 1;
        return (number, header);
    }
    let mut header = rng.octets((units + 1) * 8);
    header[1] = units as u8;
    (number, header)
}

/// A client of this case alone, so that no two cases share a datagram; at times an address that no client has.
pub(super) fn client(rng: &mut Rng, v4: bool) -> IpAddr {
    let own = rng.number() as u32;
    if v4 {
        let odd =
            [[0, 0, 0, 0], [127, 0, 0, 1], [224, 0, 0, 1], [255; 4], [0, 1, 2, 3], VIPS_V4[0].octets(), [240, 0, 0, 1]];
        let usual = [100 + (own >> 24) as u8, (own >> 16) as u8, (own >> 8) as u8, own as u8];
        Ipv4Addr::from(if rng.one_in(25) { rng.pick(&odd) } else { usual }).into()
    } else {
        let odd = [Ipv6Addr::UNSPECIFIED, Ipv6Addr::LOCALHOST, VIPS_V6[1], Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)];
        let usual = Ipv6Addr::new(0x2001, 0xdb8, 0xc, rng.next() as u16, 0, 0, (own >> 16) as u16, own as u16);
        (if rng.one_in(25) { rng.pick(&odd) } else { usual }).into()
    }
}

/// Mostly a VIP; at times an address that only looks like one.
pub(super) fn destination(rng: &mut Rng, v4: bool) -> IpAddr {
    if v4 {
        let others = [[192, 0, 2, 9], [203, 0, 113, 1], [255; 4], [224, 0, 0, 251], [0, 0, 0, 0]];
        (if rng.one_in(12) { Ipv4Addr::from(rng.pick(&others)) } else { rng.pick(&VIPS_V4) }).into()
    } else {
        let mapped = VIPS_V4[0].to_ipv6_mapped();
        let compatible = Ipv6Addr::from(u128::from(VIPS_V4[0].to_bits()));
        let near = Ipv6Addr::from(VIPS_V6[0].to_bits() ^ 1 << rng.below(128));
        let others = [mapped, compatible, near, Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 0x10)];
        (if rng.one_in(12) { rng.pick(&others) } else { rng.pick(&VIPS_V6) }).into()
    }
}
