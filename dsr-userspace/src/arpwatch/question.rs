//! "Who has this VIP?", byte by byte, in the forms that no host learns anything from. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use dsr_common::claim::{FLOW_LABEL, MARK};

use crate::{
    announce::ndp_checksum,
    model::{Mac, VlanTag},
};

/// A segment that this host sends frames on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The kernel's index of the interface.
    pub ifindex: u32,
    /// The interface's name.
    pub interface: String,
    /// The interface's MAC, where answers come to.
    pub mac: Mac,
    /// The tags that frames have there, outermost first.
    pub tags: Vec<VlanTag>,
}

impl Segment {
    /// Asks all hosts there who has an address, as one does before taking it: an ARP probe (RFC 5227, 2.1.1) or the
    /// solicitation of duplicate address detection (RFC 4862, 5.4.2). Neither changes what anybody knows. The question
    /// bears a balancer's mark, and so does a balancer's answer, which is made in its frame.
    pub fn question(&self, address: IpAddr) -> Vec<u8> {
        match address {
            IpAddr::V4(address) => {
                let link = self.link([0xff; 6], [0x08, 0x06]);
                [&link[..], &probe(self.mac, address), &MARK].concat()
            }
            IpAddr::V6(address) => {
                let [.., x, y, z] = address.octets();
                let link = self.link([0x33, 0x33, 0xff, x, y, z], [0x86, 0xdd]);
                [&link[..], &solicitation(address)].concat()
            }
        }
    }

    fn link(&self, to: [u8; 6], ethertype: [u8; 2]) -> Vec<u8> {
        let tag = |tag: &VlanTag| [tag.tpid.to_be_bytes(), tag.id.to_be_bytes()].concat();
        let tags: Vec<u8> = self.tags.iter().flat_map(tag).collect();
        [&to[..], &self.mac.0, &tags, &ethertype].concat()
    }
}

/// Ethernet, IPv4, a request from 0.0.0.0.
fn probe(mac: Mac, address: Ipv4Addr) -> [u8; 28] {
    let mut packet = [0; 28];
    packet[..8].copy_from_slice(&[0, 1, 8, 0, 6, 4, 0, 1]);
    packet[8..14].copy_from_slice(&mac.0);
    packet[24..28].copy_from_slice(&address.octets());
    packet
}

/// From `::` to the group of those whose addresses end alike (RFC 4291, 2.7.1), without options.
fn solicitation(address: Ipv6Addr) -> [u8; 64] {
    let [.., x, y, z] = address.octets();
    let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(x), u16::from_be_bytes([y, z]));
    let mut packet = [0; 64];
    packet[0..4].copy_from_slice(&(6_u32 << 28 | FLOW_LABEL).to_be_bytes());
    packet[4..8].copy_from_slice(&[0, 24, 58, 255]);
    packet[24..40].copy_from_slice(&group.octets());
    packet[40] = 135;
    packet[48..64].copy_from_slice(&address.octets());
    let checksum = ndp_checksum(&packet);
    packet[42..44].copy_from_slice(&checksum.to_be_bytes());
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(tags: Vec<VlanTag>) -> Segment {
        Segment { ifindex: 2, interface: "eth0".to_owned(), mac: Mac([2, 0, 0, 0, 0, 1]), tags }
    }

    #[test]
    fn the_probe_is_as_rfc_5227_has_it() {
        let frame = segment(Vec::new()).question("192.0.2.10".parse().unwrap());
        #[rustfmt::skip]
        let expected = [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x08, 0x06, // to everybody, ARP
            0, 1, 8, 0, 6, 4, 0, 1, // request
            2, 0, 0, 0, 0, 1, 0, 0, 0, 0, // sender: filled in later
            0, 0, 0, 0, 0, 0, 192, 0, 2, 10, // target
            b'd', b's', b'r', 1,
        ];
        assert_eq!(frame, expected);
    }

    #[test]
    fn a_question_has_its_segments_tags() {
        let tags = vec![VlanTag { tpid: 0x88a8, id: 7 }, VlanTag { tpid: 0x8100, id: 9 }];
        let frame = segment(tags).question("192.0.2.10".parse().unwrap());
        assert_eq!(frame[12..22], [0x88, 0xa8, 0, 7, 0x81, 0, 0, 9, 8, 6]);
    }

    #[test]
    fn the_solicitation_is_as_rfc_4862_has_it() {
        let frame = segment(Vec::new()).question("2001:db8::12:3453".parse().unwrap());
        #[rustfmt::skip]
        let expected = [
            0x33, 0x33, 0xff, 0x12, 0x34, 0x53, 2, 0, 0, 0, 0, 1, 0x86, 0xdd, // to those whose address ends alike
            0x60, 0x0d, 0x5a, 0x11, 0, 24, 58, 255, // 24 bytes of ICMPv6, hop limit 255
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // source: filled in later
            0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0x12, 0x34, 0x53,
        ];
        assert_eq!(frame[..54], expected);
        assert_eq!((frame[54], frame[55], frame.len()), (135, 0, 78));
        assert_eq!(frame[62..], "2001:db8::12:3453".parse::<Ipv6Addr>().unwrap().octets());
    }
}
