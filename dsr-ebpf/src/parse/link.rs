//! The link header: destination and payload of the frame.

use dsr_common::{interface::MAC_MASK, stats::Reason, vlan::Vlan};

use crate::{
    frame::Frame,
    interface::Interface,
    maps,
    wire::{
        Be16,
        ethernet::{self, Header, Tag},
    },
};

/// A parsed link header.
pub(crate) struct Arrival {
    pub(crate) link: Link,
    pub(crate) addressee: Addressee,
    pub(crate) payload: Payload,
    /// The frame's VLAN.
    pub(crate) vlan: Vlan,
}

/// The parts of a link header that forwarding needs.
pub(crate) struct Link {
    /// The source MAC in the low 48 bits.
    pub(crate) source: u64,
    /// Bytes before the EtherType.
    pub(crate) length: usize,
    /// The ingress interface, see [`Interface::ifindex`].
    pub(crate) ifindex: u32,
}

/// The destination of a frame that this interface accepts.
#[derive(Clone, Copy)]
pub(crate) enum Addressee {
    /// This interface.
    Us,
    /// A broadcast or multicast group.
    Group,
}

/// The payload of a frame.
#[derive(Clone, Copy)]
pub(crate) enum Payload {
    Ipv4,
    Ipv6,
    Arp,
    Other,
}

impl Link {
    /// Where the network header starts.
    #[inline(always)]
    pub(crate) const fn end(&self) -> usize {
        self.length + ethernet::ETHERTYPE
    }
}

/// Parses the link header. Frames to another host's MAC, as a promiscuous interface receives them, are not forwarded.
#[inline(always)]
pub(crate) fn parse(frame: &Frame, interface: &Interface) -> Result<Arrival, Reason> {
    let header: &Header = frame.at(0).ok_or(Reason::PassTruncated)?;
    let addressee = if header.head & MAC_MASK == interface.mac {
        Addressee::Us
    } else if header.head & ethernet::GROUP_BIT != 0 {
        Addressee::Group
    } else {
        return Err(Reason::PassOtherHost);
    };
    let (mut ethertype, mut length) = (header.ethertype, ethernet::MACS);
    let mut vlan = Vlan::UNTAGGED;
    if maps::vlans() && is_tag(ethertype) {
        let outer = *frame.at::<Tag>(length).ok_or(Reason::PassTruncated)?;
        (ethertype, length, vlan) = (outer.ethertype, length + ethernet::TAG, Vlan::of(outer.control(), 0));
        if is_tag(ethertype) {
            let inner = *frame.at::<Tag>(length).ok_or(Reason::PassTruncated)?;
            vlan = Vlan::of(outer.control(), inner.control());
            (ethertype, length) = (inner.ethertype, length + ethernet::TAG);
        }
    }
    let payload = match ethertype {
        ethernet::IPV4 => Payload::Ipv4,
        ethernet::IPV6 if maps::ipv6() => Payload::Ipv6,
        ethernet::ARP => Payload::Arp,
        _ => Payload::Other,
    };
    let link = Link { source: header.source(), length, ifindex: interface.ifindex };
    Ok(Arrival { link, addressee, payload, vlan })
}

#[inline(always)]
fn is_tag(ethertype: Be16) -> bool {
    ethertype == ethernet::VLAN || ethertype == ethernet::SERVICE_VLAN
}
