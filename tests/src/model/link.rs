//! The link header: Ethernet and up to two VLAN tags (IEEE 802.3, 802.1Q).

use etherparse::{Ethernet2HeaderSlice, SingleVlanHeaderSlice};

/// Values of the EtherType.
pub(super) const IPV4: u16 = 0x0800;
pub(super) const ARP: u16 = 0x0806;
pub(super) const IPV6: u16 = 0x86dd;
const TAGS: [u16; 2] = [0x8100, 0x88a8];

/// Bytes of an Ethernet header, and of a tag.
pub(super) const ETHERNET: usize = 14;
const TAG: usize = 4;

/// Tags that are read at most.
const MOST_TAGS: usize = 2;

/// What the link header says.
pub(super) struct Link<'a> {
    pub(super) frame: &'a [u8],
    pub(super) source: [u8; 6],
    /// The VLANs of its tags, outermost first; a tag of VLAN 0 carries a priority alone.
    pub(super) vlans: Vec<u16>,
    /// What follows the tags.
    pub(super) ether_type: u16,
    /// Bytes up to and with the EtherType.
    pub(super) length: usize,
    /// What follows the EtherType, padding included.
    pub(super) payload: &'a [u8],
}

impl<'a> Link<'a> {
    /// Nothing where the frame ends within the header.
    pub(super) fn read(frame: &'a [u8]) -> Option<Self> {
        let ethernet = Ethernet2HeaderSlice::from_slice(frame).ok()?;
        let (mut ether_type, mut length) = (ethernet.ether_type().0, ETHERNET);
        let mut vlans = Vec::new();
        for _ in 0..MOST_TAGS {
            if TAGS.contains(&ether_type) {
                let tag = SingleVlanHeaderSlice::from_slice(&frame[length..]).ok()?;
                vlans.extend(Some(tag.vlan_identifier().value()).filter(|number| *number != 0));
                (ether_type, length) = (tag.ether_type().0, length + TAG);
            }
        }
        Some(Self { frame, source: ethernet.source(), vlans, ether_type, length, payload: &frame[length..] })
    }

    /// Whether it is sent to a group.
    pub(super) fn is_group(&self) -> bool {
        is_group(destination(self.frame))
    }

    /// The header of an answer: from us to this MAC, with the tags and the EtherType that came in.
    pub(super) fn answer(&self, own: [u8; 6], to: [u8; 6]) -> Vec<u8> {
        [&to, &own, &self.frame[12..self.length]].concat()
    }
}

/// The destination MAC of a frame that has an Ethernet header.
pub(super) fn destination(frame: &[u8]) -> [u8; 6] {
    [frame[0], frame[1], frame[2], frame[3], frame[4], frame[5]]
}

/// Broadcast or multicast: the first bit on the wire.
pub(super) const fn is_group(mac: [u8; 6]) -> bool {
    mac[0] & 1 == 1
}

/// Where the EtherType behind all tags stands.
pub(super) fn ether_type_at(frame: &[u8]) -> usize {
    Link::read(frame).map_or(ETHERNET, |link| link.length) - 2
}
