//! "Neighbour discovery" of the page (RFC 4861, 4.3, 4.4, 7.1 and 7.2).

use std::net::Ipv6Addr;

use etherparse::Ipv6HeaderSlice;

use super::{
    Fate, Model,
    checksum::{pseudo_header_v6, sum},
    ipv6::HEADER,
    link::{Link, is_group},
    packet::ICMPV6,
};

const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
/// Octets of either without options.
const LENGTH: usize = 24;
/// A message to a VIP below that is no `ICMPv6` at all.
const ICMP_HEADER: usize = 8;
const HOP_LIMIT: u8 = 255;
const SOURCE_LINK_LAYER: u8 = 1;
const TARGET_LINK_LAYER: u8 = 2;
const SOLICITED: u8 = 0x40;
const OVERRIDE: u8 = 0x20;

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_NODES_MAC: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];

impl Model {
    /// The fate of a message of neighbour discovery; nothing where the packet is none, or none that matters here.
    pub(super) fn neighbour_discovery(
        &self,
        link: &Link<'_>,
        header: &Ipv6HeaderSlice<'_>,
        own: [u8; 6],
    ) -> Option<Fate> {
        let declared = usize::from(header.payload_length());
        let there = &link.payload[HEADER..];
        let message = &there[..declared.min(there.len())];
        let kind = *message.first()?;
        if kind != SOLICITATION && kind != ADVERTISEMENT {
            return None;
        }
        let to_vip = self.is_vip(header.destination_addr());
        if to_vip && message.len() < ICMP_HEADER {
            return None;
        }
        let refused = if to_vip { "drop_icmp" } else { "pass_not_ip" };
        if message.len() < declared || message.len() < LENGTH || header.hop_limit() != HOP_LIMIT || message[1] != 0 {
            return Some(Fate::Ends(refused));
        }
        let target = target(message);
        match kind {
            ADVERTISEMENT if self.is_vip(target) => Some(Fate::Ends("pass_nd_claim")),
            ADVERTISEMENT => None,
            _ => Some(self.solicitation(link, header, message, own).unwrap_or(Fate::Ends(refused))),
        }
    }

    /// The fate of a solicitation; nothing where it is refused.
    fn solicitation(
        &self,
        link: &Link<'_>,
        header: &Ipv6HeaderSlice<'_>,
        message: &[u8],
        own: [u8; 6],
    ) -> Option<Fate> {
        let (source, target) = (header.source_addr(), target(message));
        let pseudo = pseudo_header_v6(source, header.destination_addr(), message.len());
        if sum(&[&pseudo, message].concat()) != 0 {
            return None;
        }
        let option = source_option(&message[LENGTH..]).ok()?;
        if self.is_vip(source) {
            return Some(Fate::Ends("pass_nd_claim"));
        }
        if source.is_multicast() || !self.is_announced(target) {
            return None;
        }
        let (to, to_mac, flags) = if source.is_unspecified() {
            if option.is_some() || !is_solicited_node(header.destination_addr()) {
                return None;
            }
            (ALL_NODES, ALL_NODES_MAC, OVERRIDE)
        } else {
            (source, option.unwrap_or(link.source), OVERRIDE | SOLICITED)
        };
        if is_group(to_mac) && to != ALL_NODES {
            return None;
        }
        let mut answer = link.answer(own, to_mac);
        answer.extend_from_slice(&link.payload[..4]);
        answer.extend_from_slice(&[0, 32, ICMPV6, HOP_LIMIT]);
        answer.extend_from_slice(&target.octets());
        answer.extend_from_slice(&to.octets());
        answer.extend_from_slice(&advertisement(target, to, flags, own));
        Some(Fate::Answered("answer_ndp", answer))
    }
}

fn target(message: &[u8]) -> Ipv6Addr {
    Ipv6Addr::from(std::array::from_fn::<u8, 16, _>(|n| message[8 + n]))
}

/// An advertisement with the target link-layer option, checksum included.
fn advertisement(target: Ipv6Addr, to: Ipv6Addr, flags: u8, own: [u8; 6]) -> Vec<u8> {
    let mut message = vec![ADVERTISEMENT, 0, 0, 0, flags, 0, 0, 0];
    message.extend_from_slice(&target.octets());
    message.extend_from_slice(&[TARGET_LINK_LAYER, 1]);
    message.extend_from_slice(&own);
    let pseudo = pseudo_header_v6(target, to, message.len());
    let sum = sum(&[&pseudo, &message[..]].concat());
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    message
}

/// Options that make the whole message one to be discarded.
struct Unsound;

/// The first source link-layer option's MAC. An error where the options are not sound (RFC 4861, 7.1.1): each
/// has a length, in units of eight octets, and ends within the message; that of a MAC is one.
fn source_option(mut options: &[u8]) -> Result<Option<[u8; 6]>, Unsound> {
    let mut found = None;
    while !options.is_empty() {
        let length = usize::from(*options.get(1).ok_or(Unsound)?) * 8;
        if length == 0 || length > options.len() {
            return Err(Unsound);
        }
        if options[0] == SOURCE_LINK_LAYER && found.is_none() {
            if length != 8 {
                return Err(Unsound);
            }
            found = Some(std::array::from_fn(|n| options[2 + n]));
        }
        options = &options[length..];
    }
    Ok(found)
}

/// `ff02::1:ff00:0/104` (RFC 4291, 2.7.1).
fn is_solicited_node(address: Ipv6Addr) -> bool {
    let s = address.segments();
    s[..6] == [0xff02, 0, 0, 0, 0, 1] && s[6] >> 8 == 0xff
}
