//! The services that the frames are for: one of each kind, with backends of each kind.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZeroU16,
    sync::{Arc, LazyLock},
};

use dsr::model::{
    Affinity, Announce, Backend, Desired, DscpCode, FlowTimeout, Forward, GueVariant, Hop, InterfaceState, Mac,
    Network, NoHop, OnAgentDeath, OnEmpty, OuterSources, Port, Protocol, Reach, RoutedPath, Service, ServiceId,
    VlanTag, Weight,
};

use dsr_common::{forward::GUE_PORT, vlan::Vlan};

use super::rng::Rng;
use crate::{
    frame::OWN_MAC,
    model::Rule,
    program::{IFINDEX, backend_mac},
};

const TCP: Option<u8> = Some(6);
const UDP: Option<u8> = Some(17);
const SCTP: Option<u8> = Some(132);
const ANY: Option<u8> = None;

/// VIPs, of either family: all kinds of services, `announce: none`, any port, any protocol.
pub const VIPS_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(192, 0, 2, 10), Ipv4Addr::new(192, 0, 2, 11), Ipv4Addr::new(192, 0, 2, 12)];
/// The same in IPv6.
pub const VIPS_V6: [Ipv6Addr; 3] = [vip_v6(0x10), vip_v6(0x11), vip_v6(0x12)];

/// Services whose packets are passed while no agent lives, of either family; there are others on the same VIPs.
const PASSING: [&str; 6] = ["www", "dns", "sigtran", "rest", "all", "gone"];

/// VIPs of either family whose backends are behind routers.
pub const FAR: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 14)), IpAddr::V6(vip_v6(0x14))];

/// The backend whose path takes small packets only.
const NARROW: u8 = 9;
/// Its path's MTU in bytes.
const NARROW_MTU: u32 = 96;

/// Ports that services are on, and one that none is on.
pub const PORTS: [u16; 7] = [80, 53, 81, 82, 443, 5060, 9999];

/// Backends, by number; those of [`UNREACHABLE`] have no way to them.
pub(super) const BACKENDS: u8 = 12;
const UNREACHABLE: [u8; 2] = [6, 7];

/// VIPs of either family whose services have no backend, and say so.
pub const SHUT: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 13)), IpAddr::V6(vip_v6(0x13))];

/// The VLANs that the host is in.
pub const VLANS: [Vlan; 9] = [
    Vlan::of(5, 0),
    Vlan::of(6, 0),
    Vlan::of(7, 0),
    Vlan::of(9, 0),
    Vlan::of(10, 0),
    Vlan::of(100, 0),
    Vlan::of(9, 10),
    Vlan::of(7, 5),
    Vlan::of(7, 4094),
];
/// The VLANs that the VIPs of [`SHUT`] are in, by a list of their own; in 12 the host is not.
pub const SHUT_VLANS: [Vlan; 4] = [Vlan::UNTAGGED, Vlan::of(5, 0), Vlan::of(12, 0), Vlan::of(7, 12)];

const fn vip_v6(last: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last)
}

/// The interface that frames come in on.
pub fn own() -> InterfaceState {
    InterfaceState { ifindex: IFINDEX, mac: Mac(OWN_MAC), mtu: 1500, up: true }
}

/// Every service.
pub fn rules() -> Vec<Rule> {
    let mut rules = Vec::new();
    let families = [("4", VIPS_V4.map(IpAddr::from), SHUT[0]), ("6", VIPS_V6.map(IpAddr::from), SHUT[1])];
    for (family, [plain, quiet, wide], shut) in families {
        let mut add = |name: &str, vip: IpAddr, protocol, port, backends: &[u8]| {
            let announce = if vip == quiet { Announce::None } else { Announce::Arp };
            let on_empty = if vip == shut { OnEmpty::Reject } else { OnEmpty::Drop };
            let on_agent_death = if PASSING.contains(&name) { OnAgentDeath::Pass } else { OnAgentDeath::Keep };
            let backends = backends.iter().map(|n| backend(*n, vip.is_ipv4())).collect();
            let name = format!("{name}{family}");
            let vlans = (vip == shut).then(|| Arc::new(SHUT_VLANS.into()));
            rules.push(Rule {
                name,
                vip,
                protocol,
                port,
                announce,
                vlans,
                on_empty,
                on_agent_death,
                forward: Forward::L2,
                backends,
            });
        };
        add("www", plain, TCP, Some(80), &[1, 2, 3]);
        add("dns", plain, UDP, Some(53), &[1, 2, 3, 6]);
        add("empty", plain, TCP, Some(81), &[]);
        add("lost", plain, UDP, Some(82), &[6, 7]);
        add("sigtran", plain, SCTP, Some(5060), &[1, 2]);
        add("tls", quiet, TCP, Some(443), &[4, 5, 8]);
        add("quic", quiet, UDP, Some(443), &[9, 1]);
        add("rest", quiet, TCP, None, &[1, 2, 3]);
        add("all", wide, ANY, None, &[1, 2, 4]);
        add("names", wide, UDP, Some(53), &[10, 11, 12]);
        add("gone", shut, TCP, Some(80), &[3, 6, 7]);
        add("shut", shut, ANY, None, &[]);
    }
    rules.extend(FAR.into_iter().flat_map(far));
    rules
}

/// The services of a VIP whose pools have each of the forward modes that cross routers, with backends of either family
/// where the mode allows that.
fn far(vip: IpAddr) -> Vec<Rule> {
    let (v4, sources, port) = (vip.is_ipv4(), OuterSources::default(), NonZeroU16::new(GUE_PORT).expect("a port"));
    let prefixes = OuterSources {
        ipv4: Some((Ipv4Addr::new(10, 9, 0, 0), 20)),
        ipv6: Some((Ipv6Addr::new(0xfd00, 9, 0, 0, 0, 0, 0, 0), 104)),
    };
    let code = DscpCode::new(8).expect("a code");
    let mut rules = Vec::new();
    let mut add = |name: &str, protocol, port, forward, backends: &[(u8, bool)]| {
        let name = format!("far-{name}{}", if v4 { 4 } else { 6 });
        let backends = backends.iter().map(|(n, same)| backend(*n, v4 == *same)).collect();
        let (announce, vlans) = (Announce::Arp, None);
        let (on_empty, on_agent_death) = (OnEmpty::Drop, OnAgentDeath::Keep);
        rules.push(Rule { name, vip, protocol, port, announce, vlans, on_empty, on_agent_death, forward, backends });
    };
    let (zero, one) = (GueVariant::Zero, GueVariant::One);
    add("ipip", TCP, Some(80), Forward::Ipip(sources), &[(1, true), (2, false), (9, true)]);
    add("gre", TCP, Some(81), Forward::Gre { key: None, sources }, &[(1, true), (4, false)]);
    add("key", UDP, Some(53), Forward::Gre { key: Some(0x0102_0304), sources }, &[(2, true), (8, false), (9, true)]);
    add("gue", UDP, Some(443), Forward::Gue { port, variant: one, sources }, &[(1, true), (5, false)]);
    add("gue0", SCTP, Some(5060), Forward::Gue { port, variant: zero, sources }, &[(2, true), (10, false)]);
    add("prefix", TCP, Some(443), Forward::Ipip(prefixes), &[(1, true), (2, false)]);
    add("dscp", ANY, None, Forward::Dscp(code), &[(1, true), (4, true), (8, true), (9, true), (2, false)]);
    rules
}

/// Whether there is a way to a rule's backend.
pub(super) fn is_reachable(rule: &Rule, backend: usize) -> bool {
    let to = rule.backends[backend].address;
    let is_renamed = matches!(rule.forward, Forward::Dscp(_));
    UNREACHABLE.iter().all(|n| to != address(*n, to.is_ipv4())) && (!is_renamed || rule.vip.is_ipv4() == to.is_ipv4())
}

/// Where one of the services is: VIP, protocol and port, the latter chosen where the service takes any. Every other one has
/// its backends behind routers.
pub(super) fn endpoint(rng: &mut Rng, protocol: u8) -> (IpAddr, u8, u16) {
    static RULES: LazyLock<[Vec<Rule>; 2]> = LazyLock::new(|| {
        let (far, near) = rules().into_iter().partition(|rule| FAR.contains(&rule.vip));
        [near, far]
    });
    let rules = &RULES[rng.below(2)];
    let rule = &rules[rng.below(rules.len())];
    (rule.vip, rule.protocol.unwrap_or(protocol), rule.port.unwrap_or(rng.pick(&PORTS)))
}

/// The same in the agent's words.
pub fn desired() -> Desired {
    desired_of(&rules())
}

/// Other rules in the agent's words.
pub fn desired_of(rules: &[Rule]) -> Desired {
    Desired { hash_seed: HASH_SEED, services: rules.iter().map(service).collect() }
}

/// The seed of the flow hash.
pub const HASH_SEED: u64 = 0x0dd5_eed5;

fn service(rule: &Rule) -> Service {
    let protocol = match rule.protocol {
        TCP => Protocol::Tcp,
        UDP => Protocol::Udp,
        SCTP => Protocol::Sctp,
        _ => Protocol::Any,
    };
    Service {
        name: rule.name.clone(),
        id: ServiceId {
            vip: rule.vip,
            protocol,
            port: rule.port.and_then(NonZeroU16::new).map_or(Port::Any, Port::One),
        },
        announce: rule.announce,
        vlans: rule.vlans.clone(),
        on_empty: rule.on_empty,
        on_agent_death: rule.on_agent_death,
        affinity: Affinity::default(),
        flow_timeout: FlowTimeout::default(),
        return_timeout: Some(FlowTimeout::default()),
        pool: rule.name.clone(),
        fallback: None,
        forward: rule.forward,
        backends: rule.backends.clone().into(),
    }
}

/// Backend `n`, of a weight of its own; number 3 is drained.
pub(super) fn backend(n: u8, v4: bool) -> Backend {
    let weight = if n == 3 { 0 } else { 50 + u16::from(n) };
    Backend { name: format!("web{n}"), address: address(n, v4), weight: Weight::new(weight).unwrap_or(Weight::DEFAULT) }
}

pub(super) fn address(n: u8, v4: bool) -> IpAddr {
    if v4 { Ipv4Addr::new(10, 0, 0, n).into() } else { Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, u16::from(n)).into() }
}

/// The way to each backend: most on the untagged segment, some behind one tag or two.
pub fn network() -> Network {
    let mut reach = BTreeMap::new();
    for n in 1..=BACKENDS {
        for v4 in [true, false] {
            let address = address(n, v4);
            let way =
                if UNREACHABLE.contains(&n) { Reach::No(NoHop::NoNeighbour(address)) } else { Reach::Hop(hop(n, v4)) };
            reach.insert(address, way);
        }
    }
    Network { reach, vlans: [(IFINDEX, VLANS.into())].into(), ..Network::default() }
}

fn hop(n: u8, v4: bool) -> Hop {
    let vlan = |tpid, id| VlanTag { tpid, id };
    let tags = match n {
        4 | 10 => vec![vlan(0x8100, 100)],
        5 => vec![vlan(0x88a8, 7)],
        8 | 11 => vec![vlan(0x88a8, 7), vlan(0x8100, 4094)],
        _ => vec![],
    };
    let path = RoutedPath {
        mtu: if n == NARROW { NARROW_MTU } else { 1500 },
        source: Some(address(254, v4)),
        next_hops: Vec::new(),
    };
    Hop { ifindex: IFINDEX, source: Mac(OWN_MAC), destination: Mac(backend_mac(n)), tags, path }
}
