//! Frame and VLAN in; out: whether the frame concerns a VIP that is not in that VLAN. Read-only.
//!
//! A VIP is in the VLANs that this host has on the interface, or in those of its own list. Every VIP without a list is
//! in the untagged VLAN, so without any list untagged frames need no lookup.

use aya_ebpf::bindings::xdp_md;
use dsr_common::{
    address::{Address, Family},
    service::FLAG_VLANS,
    stats::Reason,
    vlan::{Vlan, VlanKey},
};

use crate::{
    frame::Frame,
    interface::Interface,
    maps,
    parse::{Arrival, Payload},
    service::flags_of_vip,
    wire::{arp, icmp, ipv4, ipv6, ndp},
};

/// Passes a frame that concerns a VIP outside the frame's VLAN.
#[inline(always)]
pub(crate) fn check(frame: &Frame, arrival: &Arrival, interface: &Interface) -> Result<(), Reason> {
    let may_be_foreign = maps::vlan_lists() || maps::vlans() && !is_of_interface(interface.row, arrival.vlan);
    if !may_be_foreign {
        return Ok(());
    }
    let payload = match arrival.payload {
        Payload::Other => return Ok(()),
        Payload::Ipv4 => 4,
        Payload::Ipv6 => 6,
        Payload::Arp => ARP,
    };
    let at = arrival.link.end() as u64 | payload << 32;
    if is_about_foreign_vip(frame.context(), interface.row, arrival.vlan.0, at) == 0 {
        Ok(())
    } else {
        Err(Reason::PassVlan)
    }
}

subprogram! {
    /// Whether a frame concerns a VIP that is not in its VLAN. `at` is the offset of the payload, and above bit 32 its
    /// kind.
    fn is_about_foreign_vip(ctx: *mut xdp_md, row: u32, vlan: u32, at: u64) -> u64 {
        u64::from(is_foreign(&Frame::of(ctx), row, Vlan(vlan), at as usize & 0xff, at >> 32))
    }
}

/// Whether a VIP with a VLAN list is in the VLAN.
#[inline(always)]
fn is_listed(family: Family, vip: Address, vlan: Vlan) -> bool {
    maps::has_vlan_key(VlanKey::of_vip(family, vip, vlan))
}

const ARP: u64 = 1;

/// Whether a frame concerns a VIP that is not in its VLAN. ARP: by its addresses; IP: by its destination; neighbour
/// discovery: also by its target and, for a solicitation, its source. `start` is the offset of the payload.
#[inline(always)]
fn is_foreign(frame: &Frame, row: u32, vlan: Vlan, start: usize, payload: u64) -> bool {
    let lacks = |family, address| lacks(family, address, row, vlan);
    let v4 = |bytes| lacks(Family::V4, Address::from_v4(bytes));
    match payload {
        ARP => frame
            .at::<arp::Packet>(start)
            .is_some_and(|packet| packet.is_ipv4_over_ethernet() && (v4(packet.sender) || v4(packet.target))),
        4 => frame.at::<ipv4::Header>(start).is_some_and(|ip| ip.version() == 4 && v4(ip.destination)),
        6 => {
            let Some(ip) = frame.at::<ipv6::Header>(start).filter(|ip| ip.version() == 6) else { return false };
            let v6 = |words: ipv6::Words| lacks(Family::V6, Address { hi: words.hi, lo: words.lo });
            if v6(ip.destination) {
                return true;
            }
            if ip.next_header != icmp::V6 {
                return false;
            }
            let Some(message) = frame.at::<ndp::Message>(start + ipv6::HEADER) else { return false };
            match (message.kind, message.code) {
                (ndp::SOLICITATION, 0) => v6(message.target) || v6(ip.source),
                (ndp::ADVERTISEMENT, 0) => v6(message.target),
                _ => false,
            }
        }
        _ => false,
    }
}

/// Whether the address is a VIP that is not in the VLAN.
#[inline(always)]
fn lacks(family: Family, address: Address, row: u32, vlan: Vlan) -> bool {
    match flags_of_vip(address.hi, address.lo, family as u32) {
        0 => false,
        flags if maps::vlan_lists() && flags & u32::from(FLAG_VLANS) != 0 => !is_listed(family, address, vlan),
        _ => !is_of_interface(row, vlan),
    }
}

/// Whether this host is in the VLAN on the interface of this row.
#[inline(always)]
pub(crate) fn is_of_interface(row: u32, vlan: Vlan) -> bool {
    if vlan.is_double() {
        maps::has_vlan_key(VlanKey::of_interface(row, vlan))
    } else {
        vlan == Vlan::UNTAGGED || maps::has_vlan(row, vlan)
    }
}
