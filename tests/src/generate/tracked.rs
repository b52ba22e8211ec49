//! Packets of a few flows that come again and again, while the slots that they have change: what a flow's packet meets is
//! what the earlier ones left.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
};

use dsr::maglev;

use super::{
    cluster,
    icmp::{ICMP, ICMPV6},
    ip::Header,
    link::wrapped,
    rng::Rng,
    transport::{SCTP, TCP, UDP, between},
};
use crate::{
    frame::{OWN_MAC, PEER_MAC},
    heartbeat::Heartbeat,
    model::Rule,
    tracked::{Change, MemberState, SlotState},
};

/// What happens next.
#[derive(Clone, Debug)]
pub enum Step {
    /// A frame comes in.
    Frame(Vec<u8>),
    /// The tables change.
    Changes(Vec<Change>),
}

/// The services that most packets are for: a few, so that flows come again.
const USED: [&str; 7] = ["www4", "dns4", "tls4", "sigtran4", "all4", "www6", "all6"];
/// Flows of each.
const PORTS: usize = 120;
/// Slots that change at once.
const RANGE: u32 = 64;

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(cluster::rules);

/// The changes that all begins with: services of every affinity, some slots of each tracked.
pub fn setup(rng: &mut Rng) -> Vec<Change> {
    let mut changes = Vec::new();
    for (service, rule) in RULES.iter().enumerate() {
        let (source, remember) = match &rule.name[..3] {
            "tls" => (true, false),
            "dns" => (false, true),
            "all" => (true, true),
            _ => (false, false),
        };
        changes.push(Change::Affinity { service, source, remember });
        for slot in 0..slots(service) {
            if rng.one_in(3) {
                changes.push(slot_change(rng, service, slot));
            }
        }
    }
    changes
}

/// The next step.
pub fn step(rng: &mut Rng) -> Step {
    if rng.one_in(40) { Step::Changes(changes(rng)) } else { Step::Frame(frame(rng)) }
}

fn changes(rng: &mut Rng) -> Vec<Change> {
    let service = service(rng);
    let backends = RULES[service].backends.len();
    match rng.below(20) {
        0..=2 => vec![Change::Tick],
        7 => vec![Change::Heartbeat(rng.pick(&[Heartbeat::Beats, Heartbeat::Beats, Heartbeat::Stopped]))],
        3..=5 => {
            let to = rng.pick(&[MemberState::Serves, MemberState::Serves, MemberState::Drains, MemberState::Lost]);
            vec![Change::Member { service, backend: rng.below(backends), to }]
        }
        6 => {
            let size = rng.pick(&[0, 0, 101, 1021]);
            let old = (0..size).map(|_| any_backend(rng, service)).collect();
            let by_source = rng.pick(&[None, Some(false), Some(true)]);
            vec![Change::Replaced { service, old, by_source }]
        }
        _ => {
            let first = rng.below(slots(service) as usize) as u32;
            let range = first..(first + RANGE).min(slots(service));
            range.map(|slot| slot_change(rng, service, slot)).collect()
        }
    }
}

fn slot_change(rng: &mut Rng, service: usize, slot: u32) -> Change {
    // An agent gives no slot to a backend that there is no way to; one may be lost since.
    let current = any_backend(rng, service).filter(|backend| cluster::is_reachable(&RULES[service], *backend));
    let previous = any_backend(rng, service);
    let to = if rng.one_in(4) { SlotState::Stable(current) } else { SlotState::Tracked { current, previous } };
    Change::Slot { service, slot, to }
}

fn any_backend(rng: &mut Rng, service: usize) -> Option<usize> {
    let backends = RULES[service].backends.len();
    (backends > 0 && !rng.one_in(10)).then(|| rng.below(backends))
}

/// A segment or datagram of one of the flows, whole or the first piece of it, or an error about an answer in it; with a tag
/// or without; now and then of a flow that never comes again.
fn frame(rng: &mut Rng) -> Vec<u8> {
    let rule = &RULES[service(rng)];
    let protocol = rule.protocol.unwrap_or_else(|| rng.pick(&[TCP, UDP, SCTP]));
    let client_port = if rng.one_in(8) { rng.next() as u16 } else { 1024 + rng.below(PORTS) as u16 };
    let (client, port) = (client(rng, rule.vip), rule.port.unwrap_or(443));
    let bytes = if rng.one_in(12) {
        let answer = between(rng, protocol, port, client_port);
        let answer = Header::plain(rule.vip, client, protocol).packet(&answer);
        let (icmp, kind) = if rule.vip.is_ipv4() { (ICMP, 3) } else { (ICMPV6, 1) };
        Header::plain(client, rule.vip, icmp).packet(&[&[kind, 1, 0, 0, 0, 0, 0, 0], answer.as_slice()].concat())
    } else {
        let mut header = Header::plain(client, rule.vip, protocol);
        if rng.one_in(20) {
            header.fragment = Some((rng.next() as u32, 0, true));
        }
        header.packet(&between(rng, protocol, client_port, port))
    };
    let ether_type = if rule.vip.is_ipv4() { 0x0800 } else { 0x86dd };
    let tags: &[_] = if rng.one_in(3) { &[(0x8100, 5)] } else { &[] };
    wrapped(OWN_MAC, PEER_MAC, tags, ether_type, &bytes)
}

fn client(rng: &mut Rng, vip: IpAddr) -> IpAddr {
    let host = 1 + rng.below(3) as u8;
    if vip.is_ipv4() {
        Ipv4Addr::new(198, 51, 100, host).into()
    } else {
        Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, host.into()).into()
    }
}

fn service(rng: &mut Rng) -> usize {
    let name = rng.pick(&USED);
    RULES.iter().position(|rule| rule.name == name).unwrap_or_default()
}

/// Slots of a service's table.
fn slots(service: usize) -> u32 {
    maglev::size_for(RULES[service].backends.len())
}
