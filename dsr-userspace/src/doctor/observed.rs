//! What a frame says that matters to the doctor. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use dsr_common::claim::{FLOW_LABEL, MARK};

use crate::model::{Mac, VlanTag};

/// One thing that was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Observed {
    /// A host says that an address is at this MAC.
    At {
        /// The address.
        address: IpAddr,
        /// The MAC.
        mac: Mac,
        /// Whether it is a balancer that says so.
        marked: bool,
    },
    /// A TCP segment.
    Tcp {
        /// The MAC that it came from.
        mac: Mac,
        /// Who sent it: address and port.
        from: (IpAddr, u16),
        /// The port that it is for.
        to: u16,
        /// What it says.
        answer: Answer,
    },
    /// An answer to an echo request.
    Echo {
        /// The MAC that it came from.
        mac: Mac,
        /// Who answered.
        from: IpAddr,
        /// The identifier in the request.
        id: u16,
    },
    /// A frame of a host on this segment that says nothing more.
    Host {
        /// The host's address.
        address: IpAddr,
        /// The MAC that it came from.
        mac: Mac,
    },
}

/// What a TCP segment says of a connection that is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Yes: SYN and ACK.
    Open,
    /// No: RST.
    Refused,
}

impl Observed {
    /// Reads a frame; nothing where it says nothing that matters.
    pub(super) fn of(frame: &[u8]) -> Option<Self> {
        let mac = Mac(*frame.get(6..)?.first_chunk()?);
        let at = network_header(frame)?;
        let packet = frame.get(at..)?;
        match frame.get(at - 2..at)? {
            [0x08, 0x06] => arp(packet),
            [0x08, 0x00] => ipv4(mac, packet).or_else(|| of_neighbour(mac, ipv4_source(packet)?, *packet.get(8)?)),
            [0x86, 0xdd] => ipv6(mac, packet).or_else(|| of_neighbour(mac, ipv6_source(packet)?, *packet.get(7)?)),
            _ => None,
        }
    }

    /// Who is on the segment that this was heard on, as far as it says so.
    pub(super) const fn host(&self) -> Option<(IpAddr, Mac)> {
        match self {
            Self::At { address, mac, .. } | Self::Host { address, mac } => Some((*address, *mac)),
            Self::Tcp { .. } | Self::Echo { .. } => None,
        }
    }
}

/// A frame's tags, outermost first. A tag of VLAN 0 says a priority and no VLAN (IEEE 802.1Q, 9.6): it is left out.
pub(super) fn tags(frame: &[u8]) -> Vec<VlanTag> {
    let end = network_header(frame).unwrap_or(14) - 2;
    let tags = frame.get(12..end).unwrap_or_default().chunks_exact(4);
    let tag = |tag: &[u8]| VlanTag {
        tpid: u16::from_be_bytes([tag[0], tag[1]]),
        id: u16::from_be_bytes([tag[2], tag[3]]) & 0x0fff,
    };
    tags.map(tag).filter(|tag| tag.id != 0).collect()
}

/// Where the network header starts: behind the tags.
pub(super) fn network_header(frame: &[u8]) -> Option<usize> {
    let mut at = 14;
    while matches!(frame.get(at - 2..at)?, [0x81, 0x00] | [0x88, 0xa8]) {
        at += 4;
    }
    Some(at)
}

fn arp(packet: &[u8]) -> Option<Observed> {
    if packet.get(..7)? != [0, 1, 8, 0, 6, 4, 0] {
        return None;
    }
    let address = Ipv4Addr::from(*packet.get(14..)?.first_chunk::<4>()?).into();
    let mac = Mac(*packet.get(8..)?.first_chunk()?);
    let marked = packet.get(28..32) == Some(&MARK);
    match packet.get(7)? {
        1 => host(mac, address),
        2 => Some(Observed::At { address, mac, marked }),
        _ => None,
    }
}

/// A packet that has come by no router: each takes one off what hosts begin with (RFC 1812, 5.3.1), and one that comes
/// from another segment says nothing of where its sender is.
fn of_neighbour(mac: Mac, address: IpAddr, hops_left: u8) -> Option<Observed> {
    matches!(hops_left, 64 | 128 | 255).then(|| host(mac, address)).flatten()
}

fn host(mac: Mac, address: IpAddr) -> Option<Observed> {
    (!address.is_unspecified()).then_some(Observed::Host { address, mac })
}

fn ipv4_source(packet: &[u8]) -> Option<IpAddr> {
    Some(Ipv4Addr::from(*packet.get(12..)?.first_chunk::<4>()?).into())
}

fn ipv6_source(packet: &[u8]) -> Option<IpAddr> {
    Some(Ipv6Addr::from(*packet.get(8..)?.first_chunk::<16>()?).into())
}

fn ipv4(mac: Mac, packet: &[u8]) -> Option<Observed> {
    let [first, ..] = *packet else { return None };
    let payload = packet.get(usize::from(first & 15) * 4..)?;
    let from = ipv4_source(packet)?;
    match *packet.get(9)? {
        TCP => tcp(mac, from, payload),
        1 if *payload.first()? == 0 => echo(mac, from, payload),
        _ => None,
    }
}

fn ipv6(mac: Mac, packet: &[u8]) -> Option<Observed> {
    let payload = packet.get(40..)?;
    let from = ipv6_source(packet)?;
    match (*packet.get(6)?, *payload.first()?) {
        (TCP, _) => tcp(mac, from, payload),
        (ICMPV6, 129) => echo(mac, from, payload),
        (ICMPV6, 136) => {
            let address = Ipv6Addr::from(*payload.get(8..)?.first_chunk::<16>()?).into();
            let told = payload.get(24..32).filter(|option| option[..2] == [2, 1]);
            let mac = told.and_then(|option| option[2..].first_chunk()).map_or(mac, |mac| Mac(*mac));
            let marked = packet.get(..4)? == (6 << 28 | FLOW_LABEL).to_be_bytes();
            Some(Observed::At { address, mac, marked })
        }
        _ => None,
    }
}

fn tcp(mac: Mac, from: IpAddr, segment: &[u8]) -> Option<Observed> {
    let port = |at: usize| Some(u16::from_be_bytes(*segment.get(at..)?.first_chunk()?));
    let flags = *segment.get(13)?;
    let answer = match (flags & RST != 0, flags & (SYN | ACK) == SYN | ACK) {
        (true, _) => Answer::Refused,
        (false, true) => Answer::Open,
        (false, false) => return None,
    };
    Some(Observed::Tcp { mac, from: (from, port(0)?), to: port(2)?, answer })
}

fn echo(mac: Mac, from: IpAddr, message: &[u8]) -> Option<Observed> {
    Some(Observed::Echo { mac, from, id: u16::from_be_bytes(*message.get(4..)?.first_chunk()?) })
}

pub(super) const TCP: u8 = 6;
pub(super) const ICMPV6: u8 = 58;
pub(super) const SYN: u8 = 2;
pub(super) const RST: u8 = 4;
pub(super) const ACK: u8 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = Mac([2, 0, 0, 0, 0, 9]);
    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);

    /// A frame with these tags, as a backend sends it.
    fn frame(tags: &[u8], ethertype: [u8; 2], packet: &[u8]) -> Vec<u8> {
        [&[0xff; 6][..], &MAC.0, tags, &ethertype, packet].concat()
    }

    fn arp_packet(operation: u8, sender: Ipv4Addr) -> Vec<u8> {
        let head = [0, 1, 8, 0, 6, 4, 0, operation];
        [&head[..], &MAC.0, &sender.octets(), &[0; 6], &[10, 0, 0, 1]].concat()
    }

    fn udp(hops_left: u8) -> Vec<u8> {
        let head = [0x45, 0, 0, 28, 0, 0, 0, 0, hops_left, 17, 0, 0];
        [&head[..], &ADDRESS.octets(), &[10, 0, 0, 1], &[0; 8]].concat()
    }

    #[test]
    fn whoever_asks_is_heard_too() {
        let host = Observed::Host { address: ADDRESS.into(), mac: MAC };
        let tags = [0x81, 0, 0x60, 200];
        assert_eq!(Observed::of(&frame(&tags, [8, 6], &arp_packet(1, ADDRESS))), Some(host.clone()));
        assert_eq!(Observed::of(&frame(&tags, [8, 6], &arp_packet(1, Ipv4Addr::UNSPECIFIED))), None, "an ARP probe");
        let at = Observed::At { address: ADDRESS.into(), mac: MAC, marked: false };
        assert_eq!(Observed::of(&frame(&tags, [8, 6], &arp_packet(2, ADDRESS))), Some(at.clone()));
        assert_eq!((at.host(), host.host()), (Some((ADDRESS.into(), MAC)), Some((ADDRESS.into(), MAC))));
        assert_eq!(Observed::of(&frame(&[], [8, 0], &udp(64))), Some(host));
        assert_eq!(Observed::of(&frame(&[], [8, 0], &udp(63))), None, "it came by a router");
    }

    #[test]
    fn tags_are_those_of_vlans() {
        let of = |tags: &[u8]| self::tags(&frame(tags, [8, 0], &udp(64)));
        let tag = |tpid, id| VlanTag { tpid, id };
        assert_eq!(of(&[]), []);
        assert_eq!(of(&[0x81, 0, 0xe0, 200]), [tag(0x8100, 200)], "priority 7");
        assert_eq!(of(&[0x81, 0, 0xe0, 0]), [], "a priority alone");
        assert_eq!(of(&[0x88, 0xa8, 0, 7, 0x81, 0, 0x0f, 0xff]), [tag(0x88a8, 7), tag(0x8100, 4095)]);
        assert_eq!(self::tags(&[0; 13]), []);
    }
}
