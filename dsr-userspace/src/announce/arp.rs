//! The ARP announcement, byte by byte. Pure.

use std::net::Ipv4Addr;

use crate::model::Mac;

/// Bytes of an announcement: an Ethernet header and an ARP packet; the interface pads it.
pub(super) const LENGTH: usize = 42;

/// "This VIP is at this MAC", to everybody: an ARP request whose sender and target are the VIP (RFC 5227, 2.3 and 3).
pub(super) fn announcement(mac: Mac, vip: Ipv4Addr) -> [u8; LENGTH] {
    let mut frame = [0; LENGTH];
    frame[0..6].copy_from_slice(&BROADCAST);
    frame[6..12].copy_from_slice(&mac.0);
    frame[12..14].copy_from_slice(&ETHERTYPE_ARP);
    frame[14..22].copy_from_slice(&REQUEST_IPV4_OVER_ETHERNET);
    frame[22..28].copy_from_slice(&mac.0);
    frame[28..32].copy_from_slice(&vip.octets());
    // The target's MAC, 32..38, is not known in a request and stays zero.
    frame[38..42].copy_from_slice(&vip.octets());
    frame
}

const BROADCAST: [u8; 6] = [0xff; 6];
const ETHERTYPE_ARP: [u8; 2] = [0x08, 0x06];
/// Hardware Ethernet, protocol IPv4, lengths of their addresses, operation request (RFC 826).
const REQUEST_IPV4_OVER_ETHERNET: [u8; 8] = [0, 1, 0x08, 0x00, 6, 4, 0, 1];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_announcement_is_as_rfc_5227_has_it() {
        let frame = announcement(Mac([0x02, 0, 0, 0, 0, 0x0a]), Ipv4Addr::new(192, 0, 2, 10));
        #[rustfmt::skip]
        let expected = [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, // to everybody
            0x02, 0x00, 0x00, 0x00, 0x00, 0x0a, // from our MAC
            0x08, 0x06, // ARP
            0x00, 0x01, 0x08, 0x00, 0x06, 0x04, // Ethernet, IPv4, lengths
            0x00, 0x01, // request
            0x02, 0x00, 0x00, 0x00, 0x00, 0x0a, 192, 0, 2, 10, // sender
            0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 192, 0, 2, 10, // target
        ];
        assert_eq!(frame, expected);
    }
}
