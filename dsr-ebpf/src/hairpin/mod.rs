//! Hairpin replies: the program answers in the frame that asked.

pub(crate) mod arp;
pub(crate) mod echo;
mod icmp_error;
pub(crate) mod ndp;
pub(crate) mod refuse;
mod reset;

use dsr_common::{
    address::{Address, Family},
    ip_header::{IpHeader, TTL},
};

use crate::{
    frame::Frame,
    parse::{Ip, Link},
    wire::ethernet,
};

/// Whether a reply may be sent to this address: not "this network", unspecified, loopback, multicast or broadcast.
#[inline(always)]
fn is_host(family: Family, source: Address) -> bool {
    match family {
        Family::V4 => {
            let [first, ..] = source.v4_octets();
            first != 0 && first != 127 && first < 224
        }
        Family::V6 => {
            let (group, loopback) = (source.hi.to_ne_bytes()[0] == 0xff, 1_u64.to_be());
            !group && (source.hi != 0 || (source.lo != 0 && source.lo != loopback))
        }
    }
}

/// Whether a frame's source MAC can be replied to: a group MAC is never a valid source (IEEE 802.3, 3.2.3).
#[inline(always)]
fn is_from_host(link: &Link) -> bool {
    link.source & ethernet::GROUP_BIT == 0
}

/// The header of a reply from the VIP to the client.
#[inline(always)]
const fn answering(ip: &Ip, protocol: u8, payload: u16) -> IpHeader {
    IpHeader {
        family: ip.family,
        source: ip.vip,
        destination: ip.client,
        protocol,
        hops: TTL,
        traffic_class: 0,
        flow_label: 0,
        payload,
    }
}

/// Addresses the frame to its source MAC, from this interface's MAC.
#[inline(always)]
fn swap_macs(frame: &mut Frame, link: &Link, mac: u64) -> Option<()> {
    frame.at_mut::<ethernet::Header>(0)?.set_macs(link.source, mac);
    Some(())
}
