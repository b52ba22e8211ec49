//! Neighbour discovery for VIPs (RFC 4861): answers solicitations, including duplicate address detection (RFC 4862),
//! and recognises claims.

use aya_ebpf::bindings::xdp_md;
use dsr_common::{
    address::{Address, Family},
    checksum::{folded, halves},
    claim::{ClaimKind, FLOW_LABEL},
    interface::mac_word,
    ip_header::IpHeader,
    limits::NDP_MAX,
    stats::Reason,
};

use super::is_from_host;
use crate::{
    frame::{self, Frame},
    interface, maps,
    parse::{self, Link, Payload},
    service, vlan, watch,
    wire::{
        Be16, Word, ethernet, icmp,
        ipv6::{HEADER, Header, Words},
        ndp::{
            ADVERTISEMENT, ADVERTISEMENT_LENGTH, Advertisement, HOP_LIMIT, MIN, Message, OVERRIDE, SOLICITATION,
            SOLICITED, SOURCE_MAC, TARGET_MAC,
        },
    },
};

/// The all-nodes group `ff02::1` and its MAC (RFC 2464, section 7).
const ALL_NODES: Address = Address::from_v6([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
const ALL_NODES_MAC: u64 = mac_word([0x33, 0x33, 0, 0, 0, 1]);

/// Outcome for a neighbour discovery packet.
enum Discovered {
    /// Not handled: treated like any other packet.
    Nothing,
    VipClaim,
    Answered,
    Failed,
}

scalars! {
    Discovered: |discovered| discovered as u64,
        |word| match word {
            0 => Self::Nothing,
            1 => Self::VipClaim,
            2 => Self::Answered,
            _ => Self::Failed,
        };
}

subprogram! {
    fn discover(ctx: *mut xdp_md) -> Discovered {
        examine(&mut Frame::of(ctx)).unwrap_or(Discovered::Nothing)
    }
}

/// Answers a solicitation for a VIP, or recognises a claim to one; the reason if the frame ends here. Called by the program
/// itself before the slow path: in one call chain, the stacks of both would exceed the limit.
#[inline(always)]
pub(crate) fn answer(ctx: *mut xdp_md) -> Result<(), Reason> {
    if !maps::ipv6() {
        return Ok(());
    }
    match discover(ctx) {
        Discovered::Nothing => Ok(()),
        Discovered::VipClaim => Err(Reason::PassNdClaim),
        Discovered::Answered => Err(Reason::AnswerNdp),
        Discovered::Failed => Err(Reason::DropInconsistent),
    }
}

#[inline(always)]
fn examine(frame: &mut Frame) -> Option<Discovered> {
    let interface = interface::find(frame::interface(frame.context()))?;
    let arrival = parse::link(frame, &interface).ok()?;
    if !matches!(arrival.payload, Payload::Ipv6) || vlan::check(frame, &arrival, &interface).is_err() {
        return None;
    }
    respond(frame, &arrival.link, interface.mac)
}

/// A parsed neighbour discovery packet.
struct Discovery {
    kind: u8,
    source: Address,
    target: Address,
}

#[inline(always)]
fn respond(frame: &mut Frame, link: &Link, mac: u64) -> Option<Discovered> {
    let discovery = read(frame, link.end())?;
    let Discovery { kind, source, target } = discovery;
    if kind == ADVERTISEMENT {
        if !service::is_vip(Family::V6, target) {
            return None;
        }
        report(frame, link, target, ClaimKind::Advertisement);
        return Some(Discovered::VipClaim);
    }
    if service::is_vip(Family::V6, source) {
        report(frame, link, source, ClaimKind::Solicitation);
        return Some(Discovered::VipClaim);
    }
    let from_group = source.hi.to_ne_bytes()[0] == 0xff;
    if from_group || !is_from_host(link) || !service::is_announced(Family::V6, target) {
        return None;
    }
    let probes = source.hi == 0 && source.lo == 0;
    let (to, to_mac, flags) =
        if probes { (ALL_NODES, ALL_NODES_MAC, OVERRIDE) } else { (source, link.source, OVERRIDE | SOLICITED) };
    let answer = Answer { vip: target, to, to_mac, flags, mac };
    Some(if answer.write(frame, link.end()).is_some() { Discovered::Answered } else { Discovered::Failed })
}

/// Reports a claim. The MAC is that of the first option, where nearly every sender puts it, else the frame's.
#[inline(always)]
fn report(frame: &Frame, link: &Link, vip: Address, kind: ClaimKind) {
    let wanted = if matches!(kind, ClaimKind::Advertisement) { TARGET_MAC } else { SOURCE_MAC };
    let (start, mut mac, mut marked) = (link.end(), link.source, false);
    if let Some(ip) = frame.at::<Header>(start) {
        marked = ip.version_class_label == CLASS_AND_LABEL;
        if ip.payload_length.get() >= ADVERTISEMENT_LENGTH as u16
            && let Some(message) = frame.at::<Advertisement>(start + HEADER)
            && message.option == wanted
            && message.option_length == 1
        {
            mac = mac_word(message.mac);
        }
    }
    watch::report(frame, link, vip, mac, kind, marked);
}

/// The first word of a balancer's IPv6 headers.
const CLASS_AND_LABEL: [u8; 4] = (6 << 28 | FLOW_LABEL).to_be_bytes();

/// Parses a valid solicitation or advertisement.
#[inline(always)]
fn read(frame: &Frame, start: usize) -> Option<Discovery> {
    let ip: &Header = frame.at(start)?;
    let length = ip.payload_length.get();
    if ip.version() != 6 || ip.next_header != icmp::V6 || ip.hop_limit != HOP_LIMIT {
        return None;
    }
    let message: &Message = frame.at(start + HEADER)?;
    let known = message.kind == SOLICITATION || message.kind == ADVERTISEMENT;
    if !known || message.code != 0 || length < MIN as u16 || length > NDP_MAX || !length.is_multiple_of(8) {
        return None;
    }
    let source = Address { hi: ip.source.hi, lo: ip.source.lo };
    let destination = Address { hi: ip.destination.hi, lo: ip.destination.lo };
    let mut sum = pseudo_header(source, destination, length);
    for index in 0..usize::from(NDP_MAX) / 4 {
        if index * 4 < usize::from(length) {
            sum += u64::from(frame.at::<Word>(start + HEADER + index * 4)?.0);
        }
    }
    let target = Address { hi: message.target.hi, lo: message.target.lo };
    (folded(sum) == u16::MAX).then_some(Discovery { kind: message.kind, source, target })
}

/// An advertisement of a VIP.
struct Answer {
    vip: Address,
    to: Address,
    to_mac: u64,
    flags: u8,
    /// This interface's MAC.
    mac: u64,
}

impl Answer {
    /// Writes it over the solicitation whose IP header starts at `start`.
    #[inline(always)]
    fn write(&self, frame: &mut Frame, start: usize) -> Option<()> {
        frame.resize(start + HEADER + ADVERTISEMENT_LENGTH)?;
        let ip: &mut Header = frame.at_mut(start)?;
        ip.payload_length = Be16::new(ADVERTISEMENT_LENGTH as u16);
        ip.source = Words { hi: self.vip.hi, lo: self.vip.lo };
        ip.destination = Words { hi: self.to.hi, lo: self.to.lo };
        let [a, b, c, d, e, f, _, _] = self.mac.to_ne_bytes();
        *frame.at_mut::<Advertisement>(start + HEADER)? = Advertisement {
            message: Message {
                kind: ADVERTISEMENT,
                code: 0,
                checksum: self.checksum(),
                flags: self.flags,
                reserved: [0; 3],
                target: Words { hi: self.vip.hi, lo: self.vip.lo },
            },
            option: TARGET_MAC,
            option_length: 1,
            mac: [a, b, c, d, e, f],
        };
        frame.at_mut::<ethernet::Header>(0)?.set_macs(self.to_mac, self.mac);
        Some(())
    }

    #[inline(always)]
    fn checksum(&self) -> Be16 {
        let [a, b, c, d, e, f, _, _] = self.mac.to_ne_bytes();
        let sum = pseudo_header(self.vip, self.to, ADVERTISEMENT_LENGTH as u16)
            + halves(u64::from_ne_bytes([ADVERTISEMENT, 0, 0, 0, self.flags, 0, 0, 0]))
            + halves(self.vip.hi)
            + halves(self.vip.lo)
            + halves(u64::from_ne_bytes([TARGET_MAC, 1, a, b, c, d, e, f]));
        Be16::from_raw(!folded(sum))
    }
}

/// The sum over the pseudo header of `ICMPv6` (RFC 8200, section 8.1).
#[inline(always)]
const fn pseudo_header(source: Address, destination: Address, payload: u16) -> u64 {
    IpHeader {
        family: Family::V6,
        source,
        destination,
        protocol: icmp::V6,
        hops: HOP_LIMIT,
        traffic_class: 0,
        flow_label: 0,
        payload,
    }
    .pseudo_sum()
}
