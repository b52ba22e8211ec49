//! A plain model of the program: bytes in network byte order, one rule after the other as `docs/backend-half.md` has
//! them, no code shared with the program but the names of the reasons.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use dsr::model::Tunnels;
use dsr_common::backend::Reason;
use dsr_tests::frame::checksum;

/// What becomes of a frame, and its bytes afterwards.
pub(crate) fn decide(tunnels: &Tunnels, own: &BTreeSet<IpAddr>, frame: &[u8]) -> (Reason, Vec<u8>) {
    let mut after = frame.to_vec();
    let reason = Model { tunnels, own }.receive(frame, &mut after).unwrap_or_else(|reason| reason);
    if verdict_changes(reason) { (reason, after) } else { (reason, frame.to_vec()) }
}

const fn verdict_changes(reason: Reason) -> bool {
    matches!(reason, Reason::DecapIpip | Reason::DecapGre | Reason::DecapGue | Reason::RestoreDscp)
}

struct Model<'a> {
    tunnels: &'a Tunnels,
    own: &'a BTreeSet<IpAddr>,
}

/// An IP packet in a frame.
struct Packet {
    source: IpAddr,
    destination: IpAddr,
    class: u8,
    protocol: u8,
    start: usize,
    payload: usize,
    end: usize,
    /// Whole, first or later.
    part: Part,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    First,
    Later,
}

impl Model<'_> {
    fn receive(&self, frame: &[u8], after: &mut Vec<u8>) -> Result<Reason, Reason> {
        let (ethertype, at) = link(frame).ok_or(Reason::PassOther)?;
        let packet = match ethertype {
            0x0800 => v4(frame, at),
            0x86dd => v6(frame, at),
            _ => None,
        };
        let packet = packet.ok_or(Reason::PassOther)?;
        let Some(reason) = self.tunnel(frame, &packet) else { return self.dscp(frame, &packet, after) };
        if !self.is_own(packet.destination) {
            return Err(Reason::PassOther);
        }
        if !self.is_balancer(packet.source) {
            return Err(Reason::PassNotBalancer);
        }
        if packet.part != Part::Whole {
            return Err(Reason::PassFragment);
        }
        let is_v4 = packet.source.is_ipv4();
        let header = frame.get(packet.start..packet.payload).unwrap_or_default();
        if packet.payload > packet.end || packet.end > frame.len() || (is_v4 && checksum(header) != 0) {
            return Err(Reason::PassMalformed);
        }
        let (inner_v4, inner) = match reason {
            Reason::DecapIpip => (packet.protocol == 4, packet.payload),
            Reason::DecapGre => self.gre(frame, packet.payload)?,
            _ => gue(frame, &packet)?,
        };
        let (destination, length) = inner_of(frame, inner, inner_v4).ok_or(Reason::PassMalformed)?;
        if inner + length > packet.end {
            return Err(Reason::PassMalformed);
        }
        if !self.tunnels.vips.contains(&destination) {
            return Err(Reason::PassNotVip);
        }
        let mut rest = frame[inner..].to_vec();
        congest(&mut rest, inner_v4, packet.class & 3)?;
        *after = frame[..at - 2].to_vec();
        after.extend(if inner_v4 { [0x08, 0x00] } else { [0x86, 0xdd] });
        after.extend(rest);
        Ok(reason)
    }

    /// Which tunnel a packet is of, by the reason that it would be counted for.
    fn tunnel(&self, frame: &[u8], packet: &Packet) -> Option<Reason> {
        match packet.protocol {
            4 | 41 if self.tunnels.ipip => Some(Reason::DecapIpip),
            47 if self.tunnels.gre.is_some() => Some(Reason::DecapGre),
            17 => {
                let port = self.tunnels.gue?.get();
                let is_gue = match packet.part {
                    Part::Later => self.is_balancer(packet.source),
                    Part::Whole | Part::First => u32_at(frame, packet.payload)? as u16 == port,
                };
                is_gue.then_some(Reason::DecapGue)
            }
            _ => None,
        }
    }

    fn gre(&self, frame: &[u8], at: usize) -> Result<(bool, usize), Reason> {
        let flags = u32_at(frame, at).ok_or(Reason::PassMalformed)?;
        let (flags, protocol) = ((flags >> 16) as u16, flags as u16);
        let start = match self.tunnels.gre.and_then(|gre| gre.key) {
            Some(key) => {
                let written = u32_at(frame, at + 4).ok_or(Reason::PassMalformed)?;
                if flags != 0x2000 || written != key {
                    return Err(Reason::PassUnsupported);
                }
                at + 8
            }
            None if flags == 0 => at + 4,
            None => return Err(Reason::PassUnsupported),
        };
        match protocol {
            0x0800 => Ok((true, start)),
            0x86dd => Ok((false, start)),
            _ => Err(Reason::PassUnsupported),
        }
    }

    fn dscp(&self, frame: &[u8], packet: &Packet, after: &mut [u8]) -> Result<Reason, Reason> {
        let code = packet.class >> 2;
        let is_v4 = packet.source.is_ipv4();
        let vip = self.tunnels.dscp.iter().find(|(vip, of)| of.get() == code && vip.is_ipv4() == is_v4);
        let Some((vip, _)) = vip.filter(|_| self.is_own(packet.destination)) else { return Err(Reason::PassOther) };
        if packet.payload > packet.end || packet.end > frame.len() {
            return Err(Reason::PassMalformed);
        }
        let at = match (packet.protocol, is_v4) {
            (6, _) => Some(16),
            (17 | 33 | 136, _) => Some(6),
            (58, false) => Some(2),
            _ => None,
        };
        let (old, new) = (bytes(packet.destination), bytes(*vip));
        if let Some(at) = at.filter(|_| packet.part != Part::Later) {
            let at = packet.payload + at;
            if at + 2 > packet.end {
                return Err(Reason::PassMalformed);
            }
            let is_udp = packet.protocol == 17;
            if !(is_udp && after[at..at + 2] == [0, 0]) {
                exchange(after, at, &old, &new);
                if is_udp && after[at..at + 2] == [0, 0] {
                    after[at..at + 2].fill(0xff);
                }
            }
        }
        let start = packet.start;
        if is_v4 {
            let class = [after[start], after[start + 1] & 3];
            exchange(after, start + 10, &frame[start..start + 2], &class);
            exchange(after, start + 10, &old, &new);
            after[start + 1] &= 3;
            after[start + 16..start + 20].copy_from_slice(&new);
        } else {
            after[start] &= 0xf0;
            after[start + 1] &= 0x3f;
            after[start + 24..start + 40].copy_from_slice(&new);
        }
        Ok(Reason::RestoreDscp)
    }

    fn is_own(&self, address: IpAddr) -> bool {
        self.own.contains(&address) && !self.tunnels.vips.contains(&address)
    }

    fn is_balancer(&self, address: IpAddr) -> bool {
        self.tunnels.balancers.iter().any(|prefix| prefix.contains(address))
    }
}

/// The EtherType after at most two tags, and where the packet starts.
fn link(frame: &[u8]) -> Option<(u16, usize)> {
    let mut at = 12;
    for _ in 0..2 {
        match u16_at(frame, at)? {
            0x8100 | 0x88a8 => at += 4,
            _ => break,
        }
    }
    Some((u16_at(frame, at)?, at + 2))
}

fn v4(frame: &[u8], at: usize) -> Option<Packet> {
    let ip = frame.get(at..at + 20)?;
    let length = usize::from(ip[0] & 0xf) * 4;
    if ip[0] >> 4 != 4 || length < 20 {
        return None;
    }
    let fragment = u16_at(ip, 6)?;
    let part = match (fragment & 0x1fff, fragment & 0x2000) {
        (0, 0) => Part::Whole,
        (0, _) => Part::First,
        _ => Part::Later,
    };
    Some(Packet {
        source: Ipv4Addr::from(u32_at(ip, 12)?).into(),
        destination: Ipv4Addr::from(u32_at(ip, 16)?).into(),
        class: ip[1],
        protocol: ip[9],
        start: at,
        payload: at + length,
        end: at + usize::from(u16_at(ip, 2)?),
        part,
    })
}

fn v6(frame: &[u8], at: usize) -> Option<Packet> {
    let ip = frame.get(at..at + 40)?;
    if ip[0] >> 4 != 6 {
        return None;
    }
    let end = at + 40 + usize::from(u16_at(ip, 4)?);
    let (mut protocol, mut payload, mut part) = (ip[6], at + 40, Part::Whole);
    for _ in 0..8 {
        if !is_extension(protocol) {
            break;
        }
        if payload + 8 > end {
            return None;
        }
        let (kind, next, length) = (protocol, *frame.get(payload)?, usize::from(*frame.get(payload + 1)?));
        if kind == 44 {
            frame.get(payload..payload + 8)?;
            let word = u16_at(frame, payload + 2)?;
            (protocol, payload) = (next, payload + 8);
            if word & 0xfff9 != 0 && part != Part::Whole {
                return None;
            }
            if word & 0xfff8 != 0 {
                return Some(found(ip, at, protocol, payload, end, Part::Later));
            }
            part = if word & 1 == 1 { Part::First } else { part };
        } else {
            payload += if kind == 51 { (length + 2) * 4 } else { (length + 1) * 8 };
            protocol = next;
        }
    }
    (!is_extension(protocol) && payload <= end).then(|| found(ip, at, protocol, payload, end, part))
}

const fn is_extension(protocol: u8) -> bool {
    matches!(protocol, 0 | 43 | 44 | 51 | 60)
}

fn found(ip: &[u8], start: usize, protocol: u8, payload: usize, end: usize, part: Part) -> Packet {
    let address = |at: usize| IpAddr::from(<[u8; 16]>::try_from(&ip[at..at + 16]).unwrap());
    let class = ip[0] << 4 | ip[1] >> 4;
    Packet { source: address(8), destination: address(24), class, protocol, start, payload, end, part }
}

fn gue(frame: &[u8], packet: &Packet) -> Result<(bool, usize), Reason> {
    let length = (u32_at(frame, packet.payload + 4).ok_or(Reason::PassMalformed)? >> 16) as usize;
    if packet.payload + length != packet.end {
        return Err(Reason::PassMalformed);
    }
    let start = packet.payload + 8;
    let header = u32_at(frame, start).ok_or(Reason::PassMalformed)?.to_be_bytes();
    match header {
        [0x40..=0x4f, ..] => Ok((true, start)),
        [0x60..=0x6f, ..] => Ok((false, start)),
        [0, 4, 0, 0] => Ok((true, start + 4)),
        [0, 41, 0, 0] => Ok((false, start + 4)),
        _ => Err(Reason::PassUnsupported),
    }
}

/// Destination and length of the packet in a tunnel.
fn inner_of(frame: &[u8], at: usize, is_v4: bool) -> Option<(IpAddr, usize)> {
    if is_v4 {
        let ip = frame.get(at..at + 20)?;
        let (header, total) = (usize::from(ip[0] & 0xf) * 4, usize::from(u16_at(ip, 2)?));
        let destination = Ipv4Addr::from(u32_at(ip, 16)?).into();
        (ip[0] >> 4 == 4 && header >= 20 && total >= header).then_some((destination, total))
    } else {
        let ip = frame.get(at..at + 40)?;
        let destination = Ipv6Addr::from(<[u8; 16]>::try_from(&ip[24..40]).ok()?).into();
        (ip[0] >> 4 == 6).then_some((destination, 40 + usize::from(u16_at(ip, 4)?)))
    }
}

/// RFC 6040, figure 4, as a table: the row is the inner field, the column the outer one; 4 is "drop".
const EGRESS: [[u8; 4]; 4] = [[0, 0, 0, 4], [1, 1, 1, 3], [2, 1, 2, 3], [3, 3, 3, 3]];

fn congest(packet: &mut [u8], is_v4: bool, outer: u8) -> Result<(), Reason> {
    let inner = if is_v4 { packet[1] & 3 } else { packet[1] >> 4 & 3 };
    let field = EGRESS[usize::from(inner)][usize::from(outer)];
    if field == 4 {
        return Err(Reason::DropEcn);
    }
    if field != inner && is_v4 {
        let [old, new] = [[packet[0], packet[1]], [packet[0], packet[1] & 0xfc | field]];
        packet[1] = new[1];
        exchange(packet, 10, &old, &new);
    } else if !is_v4 {
        packet[1] = packet[1] & 0xcf | field << 4;
    }
    Ok(())
}

/// RFC 1624, equation 3, for the checksum at `at`.
fn exchange(packet: &mut [u8], at: usize, old: &[u8], new: &[u8]) {
    let mut sum = u32::from(!u16_at(packet, at).unwrap());
    sum += old.chunks(2).map(|pair| u32::from(!u16::from_be_bytes([pair[0], pair[1]]))).sum::<u32>();
    sum += new.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum::<u32>();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    packet[at..at + 2].copy_from_slice(&(!(sum as u16)).to_be_bytes());
}

fn bytes(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
