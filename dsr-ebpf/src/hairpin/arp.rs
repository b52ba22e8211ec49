//! ARP requests for VIPs (RFC 826, including probes of RFC 5227).

use dsr_common::{
    address::{Address, Family},
    claim::{ClaimKind, MARK},
    interface::mac_word,
    stats::Reason,
};

use crate::{
    frame::Frame,
    interface::Interface,
    parse::Link,
    service, watch,
    wire::{
        Word,
        arp::{Packet, REPLY, REQUEST},
        ethernet::{self, Header},
    },
};

/// Answers a request for an announced VIP, reports a claim to a VIP, and passes all other ARP.
#[inline(always)]
pub(crate) fn answer(frame: &mut Frame, link: &Link, interface: &Interface) -> Reason {
    let Some(request) = frame.at::<Packet>(link.end()) else {
        return Reason::PassTruncated;
    };
    if !request.is_ipv4_over_ethernet() {
        return Reason::PassNotIp;
    }
    let sender = Address::from_v4(request.sender);
    if service::is_vip(Family::V4, sender) {
        let kind = if request.operation == REQUEST { ClaimKind::ArpRequest } else { ClaimKind::ArpReply };
        let behind = frame.at::<Word>(link.end() + size_of::<Packet>());
        let marked = behind.is_some_and(|word| word.0 == u32::from_ne_bytes(MARK));
        watch::report(frame, link, sender, mac_word(request.sender_mac), kind, marked);
        return Reason::PassArpClaim;
    }
    if request.operation != REQUEST || !service::is_announced(Family::V4, Address::from_v4(request.target)) {
        return Reason::PassNotIp;
    }
    let asker = mac_word(request.sender_mac);
    if asker & ethernet::GROUP_BIT != 0 {
        return Reason::PassNotIp;
    }
    match write_reply(frame, link, interface.mac, asker) {
        Some(()) => Reason::AnswerArp,
        None => Reason::PassTruncated,
    }
}

#[inline(always)]
fn write_reply(frame: &mut Frame, link: &Link, mac: u64, asker: u64) -> Option<()> {
    let [a, b, c, d, e, f, _, _] = mac.to_ne_bytes();
    let packet: &mut Packet = frame.at_mut(link.end())?;
    let vip = packet.target;
    packet.operation = REPLY;
    packet.target_mac = packet.sender_mac;
    packet.target = packet.sender;
    packet.sender_mac = [a, b, c, d, e, f];
    packet.sender = vip;
    frame.at_mut::<Header>(0)?.set_macs(asker, mac);
    Some(())
}
