//! What a frame says that matters to the doctor. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use dsr_common::claim::{FLOW_LABEL, MARK};

use crate::model::Mac;

/// One thing that was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
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
}

/// What a TCP segment says of a connection that is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Yes: SYN and ACK.
    Open,
    /// No: RST.
    Refused,
}

impl Heard {
    /// Reads a frame; nothing where it says nothing that matters.
    pub(super) fn of(frame: &[u8]) -> Option<Self> {
        let mac = Mac(*frame.get(6..)?.first_chunk()?);
        let at = network_header(frame)?;
        let packet = frame.get(at..)?;
        match frame.get(at - 2..at)? {
            [0x08, 0x06] => arp(packet),
            [0x08, 0x00] => ipv4(mac, packet),
            [0x86, 0xdd] => ipv6(mac, packet),
            _ => None,
        }
    }
}

/// Where the network header starts: behind the tags.
pub(super) fn network_header(frame: &[u8]) -> Option<usize> {
    let mut at = 14;
    while matches!(frame.get(at - 2..at)?, [0x81, 0x00] | [0x88, 0xa8]) {
        at += 4;
    }
    Some(at)
}

fn arp(packet: &[u8]) -> Option<Heard> {
    if packet.get(..8)? != [0, 1, 8, 0, 6, 4, 0, 2] {
        return None;
    }
    let address = Ipv4Addr::from(*packet.get(14..)?.first_chunk::<4>()?).into();
    let marked = packet.get(28..32) == Some(&MARK);
    Some(Heard::At { address, mac: Mac(*packet.get(8..)?.first_chunk()?), marked })
}

fn ipv4(mac: Mac, packet: &[u8]) -> Option<Heard> {
    let [first, ..] = *packet else { return None };
    let payload = packet.get(usize::from(first & 15) * 4..)?;
    let from = Ipv4Addr::from(*packet.get(12..)?.first_chunk::<4>()?).into();
    match *packet.get(9)? {
        TCP => tcp(mac, from, payload),
        1 if *payload.first()? == 0 => echo(mac, from, payload),
        _ => None,
    }
}

fn ipv6(mac: Mac, packet: &[u8]) -> Option<Heard> {
    let payload = packet.get(40..)?;
    let from = Ipv6Addr::from(*packet.get(8..)?.first_chunk::<16>()?).into();
    match (*packet.get(6)?, *payload.first()?) {
        (TCP, _) => tcp(mac, from, payload),
        (ICMPV6, 129) => echo(mac, from, payload),
        (ICMPV6, 136) => {
            let address = Ipv6Addr::from(*payload.get(8..)?.first_chunk::<16>()?).into();
            let told = payload.get(24..32).filter(|option| option[..2] == [2, 1]);
            let mac = told.and_then(|option| option[2..].first_chunk()).map_or(mac, |mac| Mac(*mac));
            let marked = packet.get(..4)? == (6 << 28 | FLOW_LABEL).to_be_bytes();
            Some(Heard::At { address, mac, marked })
        }
        _ => None,
    }
}

fn tcp(mac: Mac, from: IpAddr, segment: &[u8]) -> Option<Heard> {
    let port = |at: usize| Some(u16::from_be_bytes(*segment.get(at..)?.first_chunk()?));
    let flags = *segment.get(13)?;
    let answer = match (flags & RST != 0, flags & (SYN | ACK) == SYN | ACK) {
        (true, _) => Answer::Refused,
        (false, true) => Answer::Open,
        (false, false) => return None,
    };
    Some(Heard::Tcp { mac, from: (from, port(0)?), to: port(2)?, answer })
}

fn echo(mac: Mac, from: IpAddr, message: &[u8]) -> Option<Heard> {
    Some(Heard::Echo { mac, from, id: u16::from_be_bytes(*message.get(4..)?.first_chunk()?) })
}

pub(super) const TCP: u8 = 6;
pub(super) const ICMPV6: u8 = 58;
pub(super) const SYN: u8 = 2;
pub(super) const RST: u8 = 4;
pub(super) const ACK: u8 = 16;
