//! The unsolicited neighbour advertisement, byte by byte. Pure.

use std::net::Ipv6Addr;

use dsr_common::claim::FLOW_LABEL;

use crate::model::Mac;

/// Bytes of an advertisement: Ethernet, IPv6 and ICMP headers, target, and the option with the MAC.
pub(super) const LENGTH: usize = 86;

/// "This VIP is at this MAC", to all nodes (RFC 4861, 7.2.6): override set, solicited and router clear.
pub(super) fn advertisement(mac: Mac, vip: Ipv6Addr) -> [u8; LENGTH] {
    let mut frame = [0; LENGTH];
    frame[0..6].copy_from_slice(&ALL_NODES_MAC);
    frame[6..12].copy_from_slice(&mac.0);
    frame[12..14].copy_from_slice(&ETHERTYPE_IPV6);
    frame[14..18].copy_from_slice(&CLASS_AND_LABEL);
    frame[18..20].copy_from_slice(&(MESSAGE_LENGTH as u16).to_be_bytes());
    frame[20] = NEXT_HEADER_ICMPV6;
    frame[21] = HOP_LIMIT;
    frame[22..38].copy_from_slice(&vip.octets());
    frame[38..54].copy_from_slice(&ALL_NODES.octets());
    frame[54] = NEIGHBOUR_ADVERTISEMENT;
    frame[58] = FLAG_OVERRIDE;
    frame[62..78].copy_from_slice(&vip.octets());
    frame[78..80].copy_from_slice(&OPTION_TARGET_MAC);
    frame[80..86].copy_from_slice(&mac.0);
    let checksum = checksum(&frame[14..]);
    frame[56..58].copy_from_slice(&checksum.to_be_bytes());
    frame
}

/// The checksum of an IPv6 packet whose payload is a message of `ICMPv6` with a checksum of zero: over the pseudo header
/// (addresses, length, next header) and the message (RFC 8200, 8.1).
pub(crate) fn checksum(packet: &[u8]) -> u16 {
    let words = packet[8..].chunks_exact(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
    let mut sum = words.sum::<u32>() + (packet.len() - 40) as u32 + u32::from(NEXT_HEADER_ICMPV6);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

const MESSAGE_LENGTH: usize = LENGTH - 54;
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// RFC 2464, 7.
const ALL_NODES_MAC: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];
const ETHERTYPE_IPV6: [u8; 2] = [0x86, 0xdd];
/// By the label other balancers know that it is a balancer that says so.
const CLASS_AND_LABEL: [u8; 4] = (6 << 28 | FLOW_LABEL).to_be_bytes();
const NEXT_HEADER_ICMPV6: u8 = 58;
/// A receiver takes no other: it proves that no router forwarded the message.
const HOP_LIMIT: u8 = 255;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
const FLAG_OVERRIDE: u8 = 0x20;
/// Target link-layer address, in units of eight bytes (RFC 4861, 4.6.1).
const OPTION_TARGET_MAC: [u8; 2] = [2, 1];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advertisement_is_as_rfc_4861_has_it() {
        let frame = advertisement(Mac([0x02, 0, 0, 0, 0, 0x0a]), "2001:db8::53".parse().unwrap());
        #[rustfmt::skip]
        let expected = [
            0x33, 0x33, 0x00, 0x00, 0x00, 0x01, // to all nodes
            0x02, 0x00, 0x00, 0x00, 0x00, 0x0a, // from our MAC
            0x86, 0xdd, // IPv6
            0x60, 0x0d, 0x5a, 0x11, 0x00, 0x20, 0x3a, 0xff, // 32 bytes of ICMPv6, hop limit 255
            0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53, // from the VIP
            0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01, // to all nodes
            0x88, 0x00, 0xf8, 0x7d, 0x20, 0x00, 0x00, 0x00, // advertisement, checksum, override
            0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53, // the VIP
            0x02, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x0a, // is at our MAC
        ];
        assert_eq!(frame, expected);
    }
}
