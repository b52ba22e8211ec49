//! The headers of the fast path: unfragmented TCP, UDP and SCTP packets without options or extension headers, with at
//! most one VLAN tag, in the frame's first buffer.
//!
//! Whatever the fast path takes, the slow path would take with the same result. Every other decision is left to the
//! slow path.

use core::hint::black_box;

use dsr_common::{
    address::{Address, Family},
    flow::Flow,
    vlan::Vlan,
};

use super::Packet;
use crate::{
    frame::{self, Frame},
    vlan,
    wire::{
        Be16, ethernet,
        headers::{Headers, Link, Tagged, Untagged},
        ipv4, ipv6,
        transport::{ACK, SCTP, SCTP_MIN, SYN, TCP, TCP_MIN, UDP, UDP_MIN},
    },
};

/// Which headers a frame has.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    Ipv4,
    Ipv6,
    TaggedIpv4,
    TaggedIpv6,
}

scalars! {
    Shape: |shape| shape as u64,
        |word| match word {
            0 => Self::Ipv4,
            1 => Self::Ipv6,
            2 => Self::TaggedIpv4,
            _ => Self::TaggedIpv6,
        };
}

/// The EtherType of a frame sent to this MAC, or the TPID of its tag; `None` if it is sent to another MAC or too short
/// for the fast path.
#[inline(always)]
pub(crate) fn ethertype_to(frame: &Frame, mac: u64) -> Option<Be16> {
    // The shortest accepted length, so that nearly every frame needs one bounds check.
    let link = &frame.at::<Headers<Untagged, ipv4::Header>>(0)?.link;
    ((link.head ^ mac) << 16 == 0).then_some(link.ethertype)
}

/// The EtherType after a frame's only tag, or the TPID of the next tag; `None` if the frame is too short for the tagged
/// fast path. The only place that decides which tags the fast path takes.
#[inline(always)]
pub(crate) fn ethertype_behind_tag(frame: &Frame, row: u32) -> Option<Be16> {
    let link = &frame.at::<Headers<Tagged, ipv4::Header>>(0)?.link;
    let tag = ethernet::Tag { word: link.tag, ethertype: link.ethertype };
    vlan::is_of_interface(row, Vlan::of(tag.control(), 0)).then_some(link.ethertype)
}

/// An IP header of the fast path.
pub(crate) trait Network: Copy {
    const FAMILY: Family;

    /// Length of the packet if it is whole and has neither options nor extension headers.
    fn length(&self) -> Option<usize>;

    fn protocol(&self) -> u8;

    /// DSCP and ECN.
    fn traffic_class(&self) -> u8;

    fn source(&self) -> Address;

    fn destination(&self) -> Address;
}

impl Network for ipv4::Header {
    const FAMILY: Family = Family::V4;

    #[inline(always)]
    fn length(&self) -> Option<usize> {
        let plain = self.version_length == ipv4::VERSION_LENGTH && !self.is_fragment();
        plain.then(|| usize::from(self.total_length.get()))
    }

    #[inline(always)]
    fn protocol(&self) -> u8 {
        self.protocol
    }

    #[inline(always)]
    fn traffic_class(&self) -> u8 {
        self.tos
    }

    #[inline(always)]
    fn source(&self) -> Address {
        Address::from_v4(self.source)
    }

    #[inline(always)]
    fn destination(&self) -> Address {
        Address::from_v4(self.destination)
    }
}

impl Network for ipv6::Header {
    const FAMILY: Family = Family::V6;

    #[inline(always)]
    fn length(&self) -> Option<usize> {
        (self.version() == 6).then(|| ipv6::HEADER + usize::from(self.payload_length.get()))
    }

    #[inline(always)]
    fn protocol(&self) -> u8 {
        self.next_header
    }

    #[inline(always)]
    fn traffic_class(&self) -> u8 {
        self.traffic_class()
    }

    #[inline(always)]
    fn source(&self) -> Address {
        Address { hi: self.source.hi, lo: self.source.lo }
    }

    #[inline(always)]
    fn destination(&self) -> Address {
        Address { hi: self.destination.hi, lo: self.destination.lo }
    }
}

impl<L: Link, N: Network> Headers<L, N> {
    /// Where the packet ends, if the fast path takes it. The frame may be longer or shorter.
    #[inline(always)]
    pub(crate) fn end(&self) -> Option<usize> {
        let length = self.network.length()?;
        let transport = match self.network.protocol() {
            TCP => TCP_MIN,
            UDP => UDP_MIN,
            SCTP => SCTP_MIN,
            _ => return None,
        };
        (length >= size_of::<N>() + transport).then_some(L::LENGTH + ethernet::ETHERTYPE + length)
    }

    #[inline(always)]
    pub(crate) fn flow(&self) -> Flow {
        Flow {
            family: N::FAMILY,
            protocol: self.network.protocol(),
            client_port: self.transport.ports.source.raw(),
            service_port: self.transport.ports.destination.raw(),
            client: self.network.source(),
            vip: self.network.destination(),
        }
    }

    /// Whether the packet opens a TCP connection.
    #[inline(always)]
    pub(crate) fn opens(&self) -> bool {
        self.differences_from_syn() == 0
    }

    /// The bits in which protocol and flags differ from a TCP SYN without ACK.
    #[inline(always)]
    fn differences_from_syn(&self) -> u8 {
        self.network.protocol() ^ TCP | self.transport.flags & (SYN | ACK) ^ SYN
    }
}

/// Whether a packet opens a TCP connection, to be kept until the frame has changed: BPF has no instruction that turns a
/// comparison into a value, so the comparison is made where its result is needed.
#[derive(Clone, Copy)]
pub(crate) struct Opening(u8);

impl Opening {
    #[inline(always)]
    pub(crate) fn of<L: Link, N: Network>(headers: &Headers<L, N>) -> Self {
        // Not seen through by the compiler, which would compare at once.
        Self(black_box(headers.differences_from_syn()))
    }

    /// Whether it does.
    #[inline(always)]
    pub(crate) const fn opens(self) -> bool {
        self.0 == 0
    }
}

/// Parses the packet of a frame of this shape again, without repeating the checks just made.
#[inline(always)]
pub(crate) fn reparse(frame: &Frame, shape: Shape) -> Option<Packet> {
    match shape {
        Shape::Ipv4 => packet::<Untagged, ipv4::Header>(frame),
        Shape::Ipv6 => packet::<Untagged, ipv6::Header>(frame),
        Shape::TaggedIpv4 => packet::<Tagged, ipv4::Header>(frame),
        Shape::TaggedIpv6 => packet::<Tagged, ipv6::Header>(frame),
    }
}

#[inline(always)]
fn packet<L: Link, N: Network>(frame: &Frame) -> Option<Packet>
where
    Headers<L, N>: frame::Header,
{
    let headers: &Headers<L, N> = frame.at(0)?;
    Some(Packet { flow: headers.flow(), opens: headers.opens() })
}
