//! Random tables of tunnels: the services of [`cluster::FAR`], each in any mode that crosses routers, with backends of any
//! family on any path. All other services are as ever, so that the frames of [`super::case`] are for these tables too.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    num::NonZeroU16,
};

use dsr::model::{DscpCode, Forward, GueVariant, Hop, Mac, Network, NextHop, OuterSources, Reach, RoutedPath, VlanTag};
use dsr_common::address::Family;

use super::{
    cluster::{self, FAR},
    rng::Rng,
};
use crate::{
    frame::OWN_MAC,
    model::Rule,
    program::{IFINDEX, backend_mac},
};

/// Backends of each of those services.
const BACKENDS: u8 = 3;

/// Next hops of a route at most: more than there are rows in a group.
const NEXT_HOPS: usize = 20;

/// Services, and how their backends are reached.
#[derive(Clone, Debug)]
pub struct Table {
    /// The services.
    pub rules: Vec<Rule>,
    /// The paths.
    pub network: Network,
}

/// Table `number` of a seed.
pub fn table(seed: u64, number: u64) -> Table {
    let (mut rng, mut network) = (Rng::new(!seed, number), cluster::network());
    let mut rules = cluster::rules();
    let far = rules.iter_mut().filter(|rule| FAR.contains(&rule.vip));
    for (rule, service) in far.zip(0..) {
        rule.forward = forward(&mut rng);
        rule.backends = (0..BACKENDS).map(|n| backend(&mut rng, rule, service, n)).collect();
        for backend in &rule.backends {
            let v4 = backend.address.is_ipv4();
            let overhead = rule.forward.overhead(if v4 { Family::V4 } else { Family::V6 });
            network.reach.insert(backend.address, Reach::Hop(hop(&mut rng, v4, overhead)));
        }
    }
    Table { rules, network }
}

/// No other service has the backend, so that the path is its own; in `dscp` it mostly has the VIP's family, which it needs.
fn backend(rng: &mut Rng, rule: &Rule, service: u8, n: u8) -> dsr::model::Backend {
    let is_renamed = matches!(rule.forward, Forward::Dscp(_));
    let v4 = if is_renamed && !rng.one_in(6) { rule.vip.is_ipv4() } else { rng.one_in(2) };
    cluster::backend(cluster::BACKENDS + 1 + service * BACKENDS + n, v4)
}

fn forward(rng: &mut Rng) -> Forward {
    let sources = sources(rng);
    let port = NonZeroU16::new(rng.next() as u16).unwrap_or(NonZeroU16::MAX);
    match rng.below(6) {
        0 => Forward::Dscp(DscpCode::new(1 + rng.below(63) as u8).expect("a code")),
        1 => Forward::Ipip(sources),
        2 => Forward::Gre { key: None, sources },
        3 => Forward::Gre { key: Some(rng.next() as u32), sources },
        4 => Forward::Gue { port, variant: GueVariant::Zero, sources },
        _ => Forward::Gue { port, variant: GueVariant::One, sources },
    }
}

/// Outer sources: none, addresses or prefixes of any length that can be configured.
fn sources(rng: &mut Rng) -> OuterSources {
    let (v4, v6) = (rng.next() as u32, (u128::from(rng.next()) << 64) | u128::from(rng.next()));
    let mut length = |bits: usize| (if rng.one_in(2) { bits } else { 1 + rng.below(bits) }) as u8;
    let (length4, length6) = (length(32), length(128));
    OuterSources {
        ipv4: rng.one_in(2).then(|| (Ipv4Addr::from(v4 & u32::MAX << (32 - length4)), length4)),
        ipv6: rng.one_in(2).then(|| (Ipv6Addr::from(v6 & u128::MAX << (128 - length6)), length6)),
    }
}

/// The path to a backend: now and then narrow or without a source, every other time by several next hops.
fn hop(rng: &mut Rng, v4: bool, overhead: u16) -> Hop {
    // Narrower than any link is, so that small packets are too big for it.
    let narrow = u32::from(overhead) + 20 + rng.below(60) as u32;
    let mtu = if rng.one_in(3) { narrow } else { rng.pick(&[1280, 1400, 1500, 9000]) };
    let source = (!rng.one_in(10)).then(|| cluster::address(rng.byte(), v4));
    let next_hops = match rng.below(20) {
        0..10 => Vec::new(),
        10..19 => (0..2 + rng.below(3)).map(|_| next_hop(rng)).collect(),
        _ => (0..NEXT_HOPS).map(|_| next_hop(rng)).collect(),
    };
    let NextHop { ifindex, source: from, destination, tags, .. } =
        next_hops.first().cloned().unwrap_or_else(|| next_hop(rng));
    Hop { ifindex, source: from, destination, tags, path: RoutedPath { mtu, source, next_hops } }
}

fn next_hop(rng: &mut Rng) -> NextHop {
    let tpid = |rng: &mut Rng| rng.pick(&[0x8100, 0x88a8]);
    let tags = (0..rng.pick(&[0, 0, 1, 2])).map(|_| VlanTag { tpid: tpid(rng), id: 1 + rng.below(4094) as u16 });
    let tags = tags.collect();
    // A backend in the same segment may be a router too.
    let destination = Mac(if rng.one_in(4) { backend_mac(1) } else { [0x02, 0, 0, 0, 2, rng.byte()] });
    NextHop { ifindex: IFINDEX, source: Mac(OWN_MAC), destination, tags, weight: 1 + rng.below(20) as u16 }
}
