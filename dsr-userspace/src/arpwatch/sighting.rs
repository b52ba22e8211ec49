//! One claim, in the words of the model.

use std::net::IpAddr;

use dsr_common::{
    address::Family,
    claim::{ClaimKind, VipClaim},
};

use crate::model::{Mac, VlanTag};

/// One frame in which a host that is not this one said that a VIP is its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The VIP.
    pub vip: IpAddr,
    /// The MAC that it is said to be at.
    pub mac: Mac,
    /// The kernel's index of the interface that the frame came in on.
    pub ifindex: u32,
    /// Its VLAN tags, outermost first.
    pub tags: Vec<VlanTag>,
    /// What kind of packet it was.
    pub kind: ClaimKind,
    /// Whether it bears a balancer's mark.
    pub marked: bool,
}

impl Sighting {
    /// Reads what the program told; nothing where its kind is unknown.
    pub fn of(claim: &VipClaim) -> Option<Self> {
        let kind = ClaimKind::ALL.into_iter().find(|kind| *kind as u8 == claim.kind)?;
        let vip = match kind.family() {
            Family::V4 => IpAddr::from(claim.vip.v4_octets()),
            Family::V6 => IpAddr::from(claim.vip.v6_octets()),
        };
        let mac = Mac(*claim.mac.to_ne_bytes().first_chunk()?);
        let tags = claim.tags.iter().filter(|tag| **tag != 0).map(|tag| {
            // TPID and TCI as they lay in the frame.
            let word = u32::from_be_bytes(tag.to_ne_bytes());
            VlanTag { tpid: (word >> 16) as u16, id: word as u16 & 0x0fff }
        });
        let (ifindex, marked) = (claim.ifindex, claim.marked != 0);
        Some(Self { vip, mac, ifindex, tags: tags.collect(), kind, marked })
    }
}

/// The name of a kind of claim, as a log line has it.
pub(super) const fn name(kind: ClaimKind) -> &'static str {
    match kind {
        ClaimKind::ArpRequest => "ARP request",
        ClaimKind::ArpReply => "ARP reply",
        ClaimKind::Solicitation => "neighbour solicitation",
        ClaimKind::Advertisement => "neighbour advertisement",
    }
}
