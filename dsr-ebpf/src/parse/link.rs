//! The link header: for whom the frame is, and what it carries.

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

/// How a frame came in.
pub(crate) struct Arrival {
    pub(crate) link: Link,
    pub(crate) addressee: Addressee,
    pub(crate) payload: Payload,
    /// The VLAN that it is in.
    pub(crate) vlan: Vlan,
}

/// What is needed of a frame's link header to send the frame on.
pub(crate) struct Link {
    /// The source MAC in the low 48 bits.
    pub(crate) source: u64,
    /// Bytes before the EtherType.
    pub(crate) length: usize,
    /// The interface that it came in on, see [`Interface::ifindex`].
    pub(crate) ifindex: u32,
}

/// Whom a frame is sent to, of those whose frames concern us.
#[derive(Clone, Copy)]
pub(crate) enum Addressee {
    /// This interface.
    Us,
    /// A broadcast or multicast group.
    Group,
}

/// What a frame carries.
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

/// Reads the link header. A frame to another host's MAC, as a promiscuous interface sees, is not ours to send.
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
