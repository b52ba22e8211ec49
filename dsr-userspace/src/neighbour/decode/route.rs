//! Routes: the kernel's answers to "how do I reach this address".

use std::net::IpAddr;

use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteMessage, RouteMetric, RouteNextHop, RouteNextHopFlags, RouteType, RouteVia,
};
use rtnetlink::packet_core::{Nla, parse_u32};

use crate::{
    model::{NoHop, Refusal},
    neighbour::facts::{Out, Route, RouteHop},
};

/// What the kernel answered to a request for the route that matches an address (`RTM_F_FIB_MATCH`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::neighbour) enum Found {
    /// The whole answer.
    Route(Route),
    /// The next hops are those of this next-hop object, and stand there.
    Object(u32, Out),
}

/// The route in the kernel's answer.
pub(in crate::neighbour) fn route(answer: &RouteMessage) -> Found {
    match answer.header.kind {
        RouteType::Local => return Found::Route(Route::No(NoHop::Local)),
        RouteType::BlackHole => return Found::Route(Route::No(NoHop::Refused(Refusal::Blackhole))),
        RouteType::Unicast => {}
        _ => return Found::Route(Route::No(NoHop::NoRoute)),
    }
    let (mut out, mut object) = (Out { source: source(answer), ..Out::default() }, None);
    for attribute in &answer.attributes {
        match attribute {
            RouteAttribute::Metrics(metrics) => out.mtu = mtu(metrics),
            RouteAttribute::MultiPath(next_hops) => out.next_hops = next_hops.iter().filter_map(next_hop).collect(),
            RouteAttribute::Other(other) if other.kind() == RTA_NH_ID => object = object_id(other),
            _ => {}
        }
    }
    if let Some(id) = object {
        return Found::Object(id, Out { next_hops: Vec::new(), ..out });
    }
    if encapsulates(&answer.attributes) {
        return Found::Route(Route::No(NoHop::Encap));
    }
    let oif = answer.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Oif(index) => Some(*index),
        _ => None,
    });
    out.next_hops.extend(oif.map(|oif| RouteHop { oif, gateway: gateway(&answer.attributes), weight: 1 }));
    Found::Route(if out.next_hops.is_empty() { Route::No(NoHop::NoRoute) } else { Route::Out(out) })
}

/// The address that packets of this host come from, if the kernel named it.
pub(in crate::neighbour) fn source(answer: &RouteMessage) -> Option<IpAddr> {
    answer.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::PrefSource(address) => ip(address),
        _ => None,
    })
}

/// Why the kernel has no route, by the `errno` of its refusal: the types of routes and rules have one each (`fib_props` of
/// `net/ipv4/fib_semantics.c`, `fib6_prop` of `net/ipv6/route.c`).
pub(in crate::neighbour) const fn refused(errno: i32) -> NoHop {
    match errno {
        libc::EINVAL => NoHop::Refused(Refusal::Blackhole),
        libc::EHOSTUNREACH => NoHop::Refused(Refusal::Unreachable),
        libc::EACCES => NoHop::Refused(Refusal::Prohibit),
        _ => NoHop::NoRoute,
    }
}

/// One of several; none where the kernel does not use it, or where it encapsulates.
fn next_hop(next_hop: &RouteNextHop) -> Option<RouteHop> {
    if next_hop.flags.contains(RouteNextHopFlags::Dead) || encapsulates(&next_hop.attributes) {
        return None;
    }
    let gateway = gateway(&next_hop.attributes);
    Some(RouteHop { oif: next_hop.interface_index, gateway, weight: u32::from(next_hop.hops) + 1 })
}

fn gateway(attributes: &[RouteAttribute]) -> Option<IpAddr> {
    attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Gateway(address) => ip(address),
        RouteAttribute::Via(RouteVia::Inet(address)) => Some(IpAddr::V4(*address)),
        RouteAttribute::Via(RouteVia::Inet6(address)) => Some(IpAddr::V6(*address)),
        _ => None,
    })
}

fn encapsulates(attributes: &[RouteAttribute]) -> bool {
    attributes.iter().any(|attribute| matches!(attribute, RouteAttribute::EncapType(_)))
}

fn mtu(metrics: &[RouteMetric]) -> Option<u32> {
    metrics.iter().find_map(|metric| match metric {
        RouteMetric::Mtu(bytes) => Some(*bytes).filter(|bytes| *bytes != 0),
        _ => None,
    })
}

fn object_id(attribute: &impl Nla) -> Option<u32> {
    let mut value = vec![0; attribute.value_len()];
    attribute.emit_value(&mut value);
    parse_u32(&value).ok()
}

const fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some(IpAddr::V4(*address)),
        RouteAddress::Inet6(address) => Some(IpAddr::V6(*address)),
        _ => None,
    }
}

/// The id of the next-hop object that a route uses (`linux/rtnetlink.h`, Linux 5.3).
const RTA_NH_ID: u16 = 30;

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
