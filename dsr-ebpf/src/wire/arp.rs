//! ARP for IPv4 over Ethernet (RFC 826).

use super::{Be16, ethernet};

const ETHERNET: Be16 = Be16::new(1);
pub(crate) const REQUEST: Be16 = Be16::new(1);
pub(crate) const REPLY: Be16 = Be16::new(2);

/// An ARP packet with hardware addresses of six bytes and protocol addresses of four.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct Packet {
    pub(crate) hardware: Be16,
    pub(crate) protocol: Be16,
    pub(crate) hardware_length: u8,
    pub(crate) protocol_length: u8,
    pub(crate) operation: Be16,
    pub(crate) sender_mac: [u8; 6],
    pub(crate) sender: [u8; 4],
    pub(crate) target_mac: [u8; 6],
    pub(crate) target: [u8; 4],
}

const _: () = assert!(size_of::<Packet>() == 28);

impl Packet {
    /// Whether it is ARP for IPv4 over Ethernet, so that the fields above are valid.
    #[inline(always)]
    pub(crate) fn is_ipv4_over_ethernet(&self) -> bool {
        self.hardware == ETHERNET
            && self.protocol == ethernet::IPV4
            && self.hardware_length == 6
            && self.protocol_length == 4
    }
}
