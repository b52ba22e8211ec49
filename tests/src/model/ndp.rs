//! "Neighbour discovery" of the page (RFC 4861, 4.3, 4.4, 7.1 and 7.2).

use std::net::Ipv6Addr;

use dsr_common::limits::NDP_MAX;
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
/// Bytes of either without options.
const LENGTH: u16 = 24;
const HOP_LIMIT: u8 = 255;
const TARGET_LINK_LAYER: u8 = 2;
const SOLICITED: u8 = 0x40;
const OVERRIDE: u8 = 0x20;

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_NODES_MAC: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];

impl Model {
    /// The fate of a message of neighbour discovery about a VIP; nothing where the packet is none.
    pub(super) fn neighbour_discovery(
        &self,
        link: &Link<'_>,
        header: &Ipv6HeaderSlice<'_>,
        own: [u8; 6],
    ) -> Option<Fate> {
        let message = message(header, &link.payload[HEADER..])?;
        match message[0] {
            ADVERTISEMENT if self.is_vip(target(message)) => Some(Fate::Ends("pass_nd_claim")),
            SOLICITATION if self.is_vip(header.source_addr()) => Some(Fate::Ends("pass_nd_claim")),
            SOLICITATION if is_group(link.source) || header.source_addr().is_multicast() => None,
            SOLICITATION if self.is_announced(target(message)) => {
                Some(Fate::Answered("answer_ndp", answer(link, header.source_addr(), target(message), own)))
            }
            _ => None,
        }
    }
}

/// The message, where it is one that is read.
fn message<'a>(header: &Ipv6HeaderSlice<'_>, payload: &'a [u8]) -> Option<&'a [u8]> {
    let length = header.payload_length();
    let is_sound = header.next_header().0 == ICMPV6
        && header.hop_limit() == HOP_LIMIT
        && (LENGTH..=NDP_MAX).contains(&length)
        && length.is_multiple_of(8);
    let message = payload.get(..usize::from(length)).filter(|_| is_sound)?;
    let pseudo = pseudo_header_v6(header.source_addr(), header.destination_addr(), message.len());
    let is_read = matches!(message[..2], [SOLICITATION | ADVERTISEMENT, 0]);
    (is_read && sum(&[&pseudo, message].concat()) == 0).then_some(message)
}

/// The frame that answers a solicitation.
fn answer(link: &Link<'_>, source: Ipv6Addr, target: Ipv6Addr, own: [u8; 6]) -> Vec<u8> {
    let (to, to_mac, flags) = if source.is_unspecified() {
        (ALL_NODES, ALL_NODES_MAC, OVERRIDE)
    } else {
        (source, link.source, OVERRIDE | SOLICITED)
    };
    let mut answer = link.answer(own, to_mac);
    answer.extend_from_slice(&link.payload[..4]);
    answer.extend_from_slice(&[0, 32, ICMPV6, HOP_LIMIT]);
    answer.extend_from_slice(&target.octets());
    answer.extend_from_slice(&to.octets());
    answer.extend_from_slice(&advertisement(target, to, flags, own));
    answer
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
