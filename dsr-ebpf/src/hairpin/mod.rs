//! Answers that the program makes itself, in the frame that asked.

pub(crate) mod arp;
pub(crate) mod echo;
pub(crate) mod ndp;
pub(crate) mod reject;

use dsr_common::address::{Address, Family};

use crate::{
    frame::Frame,
    ip_header::IpHeader,
    parse::{Ip, Link},
    wire::ethernet,
};

/// Hops that an answer may take, the value IANA recommends ("IP Option Numbers", default TTL).
const TTL: u8 = 64;

/// Whether an answer may be sent to this address: not "this network" or unspecified, loopback, a group or broadcast.
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

/// Whether a frame can be answered to its source MAC: a group sends nothing (IEEE 802.3, 3.2.3).
#[inline(always)]
fn is_from_host(link: &Link) -> bool {
    link.source & ethernet::GROUP_BIT == 0
}

/// The header of an answer from the VIP to the client.
#[inline(always)]
const fn answering(ip: &Ip, protocol: u8, payload: u16) -> IpHeader {
    IpHeader { family: ip.family, source: ip.vip, destination: ip.client, protocol, hops: TTL, payload }
}

/// Sends the frame back to where it came from, from this interface's MAC.
#[inline(always)]
fn swap_macs(frame: &mut Frame, link: &Link, mac: u64) -> Option<()> {
    frame.at_mut::<ethernet::Header>(0)?.set_macs(link.source, mac);
    Some(())
}
