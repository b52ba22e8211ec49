//! Backends behind routers: real routes of a real kernel, and routers that answer real ARP and neighbour solicitations.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    process::Command,
};

use dsr::model::{Destinations, Forward, Hop, Mac, NextHop, NoHop, Reach, Refusal, RoutedPath};

use super::{
    OTHER_MAC, Watched,
    namespace::{self, BACKEND, BACKEND_IP, BACKEND_MAC, BALANCER, BALANCER_IP, BALANCER_MAC, Pair},
    watch_all,
};

/// The other router, on a link of its own.
const SECOND: &str = "lb1";
const SECOND_PEER: &str = "be1";
const SECOND_MAC: Mac = Mac([2, 0, 0, 0, 0, 0x33]);
const SECOND_IP: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 2);
const SECOND_OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);

/// Behind the routers.
const FAR: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 7);
const FAR_V6: Ipv6Addr = Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 7);
const ROUTER_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2);
const OWN_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);

/// Runs `ip` in the balancer's namespace, where this thread is.
fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

fn routed<A: Into<IpAddr> + Copy>(backends: &[A]) -> Watched {
    let routed = backends.iter().map(|&address| address.into()).collect();
    watch_all(&[BALANCER, SECOND], Destinations { routed, ..Destinations::default() })
}

/// The way by these next hops, each with its MTU.
fn way(source: impl Into<IpAddr>, next_hops: &[(NextHop, u32)]) -> Reach {
    let (first, mtu) = (next_hops[0].0.clone(), next_hops.iter().map(|(_, mtu)| *mtu).min().unwrap());
    let next_hops = next_hops.iter().filter(|_| next_hops.len() > 1).map(|(next_hop, _)| next_hop.clone()).collect();
    let NextHop { ifindex, source: mac, destination, tags, .. } = first;
    let path = RoutedPath { mtu, source: Some(source.into()), next_hops };
    Reach::Hop(Hop { ifindex, source: mac, destination, tags, path })
}

/// Balancer and two routers: the second one on a link of its own, which has an MTU of 1,400 bytes.
async fn with_two_routers(pair: &Pair) {
    pair.add_link(SECOND, SECOND_PEER, SECOND_MAC).await;
    pair.balancer.set_mac(SECOND, BALANCER_MAC).await;
    pair.balancer.add_address(SECOND, SECOND_OWN).await;
    pair.backend.add_address(SECOND_PEER, SECOND_IP).await;
    pair.answer_only_on_their_own_link();
    ip("link set lb1 mtu 1400");
}

async fn first(pair: &Pair, mac: Mac, mtu: u32, weight: u16) -> (NextHop, u32) {
    let ifindex = pair.balancer.index(BALANCER).await;
    (NextHop { ifindex, source: BALANCER_MAC, destination: mac, tags: vec![], weight }, mtu)
}

async fn second(pair: &Pair, weight: u16) -> (NextHop, u32) {
    let ifindex = pair.balancer.index(SECOND).await;
    (NextHop { ifindex, source: BALANCER_MAC, destination: SECOND_MAC, tags: vec![], weight }, 1400)
}

#[test]
#[ignore = "needs root"]
fn a_gateway_is_solicited_and_its_mac_followed() {
    namespace::run(async |pair| {
        ip("route add 10.9.0.0/16 via 10.0.0.2");
        let mut watched = routed(&[FAR]);
        watched.until_reach(FAR, way(BALANCER_IP, &[first(pair, BACKEND_MAC, 1500, 1).await])).await;
        pair.backend.set_mac(BACKEND, OTHER_MAC).await;
        ip(&format!("neighbour replace 10.0.0.2 lladdr {OTHER_MAC} dev lb0 nud reachable"));
        watched.until_reach(FAR, way(BALANCER_IP, &[first(pair, OTHER_MAC, 1500, 1).await])).await;
    });
}

#[test]
#[ignore = "needs root"]
fn a_router_that_goes_away_is_named_and_found_when_it_comes_back() {
    namespace::run(async |pair| {
        ip("route add 10.9.0.0/16 via 10.0.0.3");
        let router: IpAddr = Ipv4Addr::new(10, 0, 0, 3).into();
        let mut watched = routed(&[FAR]);
        watched.until_reach(FAR, Reach::No(NoHop::SilentGateway(router))).await;
        pair.backend.add_address(BACKEND, Ipv4Addr::new(10, 0, 0, 3)).await;
        let next_hop = first(pair, BACKEND_MAC, 1500, 1).await;
        watched.until_reach(FAR, way(BALANCER_IP, std::slice::from_ref(&next_hop))).await;
        pair.backend.remove_address(BACKEND, Ipv4Addr::new(10, 0, 0, 3)).await;
        watched.until_reach(FAR, Reach::No(NoHop::SilentGateway(router))).await;
        pair.backend.add_address(BACKEND, Ipv4Addr::new(10, 0, 0, 3)).await;
        watched.until_reach(FAR, way(BALANCER_IP, &[next_hop])).await;
    });
}

#[test]
#[ignore = "needs root"]
fn a_route_that_is_replaced_withdrawn_and_back_is_followed() {
    namespace::run(async |pair| {
        with_two_routers(pair).await;
        let mut watched = routed(&[FAR]);
        watched.until_reach(FAR, Reach::No(NoHop::NoRoute)).await;
        ip("route add 10.9.0.0/16 via 10.0.0.2 mtu 1300 src 10.0.1.1");
        watched.until_reach(FAR, way(SECOND_OWN, &[first(pair, BACKEND_MAC, 1300, 1).await])).await;
        ip("route replace 10.9.0.0/16 via 10.0.1.2");
        watched.until_reach(FAR, way(SECOND_OWN, &[second(pair, 1).await])).await;
        for refusal in [Refusal::Blackhole, Refusal::Unreachable, Refusal::Prohibit] {
            ip(&format!("route add {} 10.9.0.0/24", refusal.name()));
            watched.until_reach(FAR, Reach::No(NoHop::Refused(refusal))).await;
            ip(&format!("route del {} 10.9.0.0/24", refusal.name()));
            watched.until_reach(FAR, way(SECOND_OWN, &[second(pair, 1).await])).await;
        }
        ip("route del 10.9.0.0/16");
        watched.until_reach(FAR, Reach::No(NoHop::NoRoute)).await;
        ip("route add default via 10.0.0.2");
        watched.until_reach(FAR, way(BALANCER_IP, &[first(pair, BACKEND_MAC, 1500, 1).await])).await;
        ip("rule add to 10.9.0.0/16 prohibit");
        watched.until_reach(FAR, Reach::No(NoHop::Refused(Refusal::Prohibit))).await;
    });
}

#[test]
#[ignore = "needs root"]
fn all_next_hops_of_a_multipath_route_are_known_and_a_link_that_fails_drops_out() {
    namespace::run(async |pair| {
        with_two_routers(pair).await;
        ip("route add 10.9.0.0/16 src 10.0.0.1 nexthop via 10.0.0.2 weight 1 nexthop via 10.0.1.2 weight 3");
        let mut watched = routed(&[FAR]);
        let both = vec![first(pair, BACKEND_MAC, 1500, 1).await, second(pair, 3).await];
        watched.until_reach(FAR, way(BALANCER_IP, &both)).await;
        pair.backend.set_down(SECOND_PEER).await;
        watched.until_reach(FAR, way(BALANCER_IP, &both[..1])).await;
        pair.backend.set_up(SECOND_PEER).await;
        watched.until_reach(FAR, way(BALANCER_IP, &both)).await;
        ip("link set lb1 mtu 9000");
        let wide = (both[1].0.clone(), 9000);
        watched.until_reach(FAR, way(BALANCER_IP, &[both[0].clone(), wide])).await;
    });
}

#[test]
#[ignore = "needs root"]
fn next_hop_objects_are_followed_with_and_without_compatibility() {
    for compatible in [true, false] {
        namespace::run(async move |pair| {
            with_two_routers(pair).await;
            std::fs::write("/proc/sys/net/ipv4/nexthop_compat_mode", if compatible { "1" } else { "0" }).unwrap();
            ip("nexthop add id 7 via 10.0.0.2 dev lb0");
            ip("nexthop add id 8 via 10.0.1.2 dev lb1");
            ip("nexthop add id 9 group 7,2/8,3");
            ip("route add 10.9.0.0/16 nhid 9 src 10.0.0.1");
            let mut watched = routed(&[FAR]);
            let both = vec![first(pair, BACKEND_MAC, 1500, 2).await, second(pair, 3).await];
            watched.until_reach(FAR, way(BALANCER_IP, &both)).await;
            ip("nexthop replace id 9 group 8");
            watched.until_reach(FAR, way(BALANCER_IP, &[second(pair, 1).await])).await;
            ip("nexthop replace id 8 via 10.0.0.2 dev lb0");
            watched.until_reach(FAR, way(BALANCER_IP, &[first(pair, BACKEND_MAC, 1500, 1).await])).await;
            ip("nexthop replace id 9 group 7,2");
            watched.until_reach(FAR, way(BALANCER_IP, &both[..1])).await;
            ip("nexthop del id 9");
            watched.until_reach(FAR, Reach::No(NoHop::NoRoute)).await;
            // Blackholes stand on the loopback link.
            ip("link set lo up");
            ip("nexthop add id 10 blackhole");
            ip("route add 10.9.0.0/16 nhid 10");
            watched.until_reach(FAR, Reach::No(NoHop::Refused(Refusal::Blackhole))).await;
        });
    }
}

#[test]
#[ignore = "needs root"]
fn ipv6_routes_and_routers_are_followed() {
    namespace::run(async |pair| {
        with_two_routers(pair).await;
        pair.balancer.add_address(BALANCER, OWN_V6).await;
        pair.backend.add_address(BACKEND, ROUTER_V6).await;
        let mut watched = routed(&[FAR_V6]);
        watched.until_reach(FAR_V6, Reach::No(NoHop::NoRoute)).await;
        ip("-6 route add fd09::/16 via fd00::2 mtu 1280");
        let next_hop = first(pair, BACKEND_MAC, 1280, 1).await;
        watched.until_reach(FAR_V6, way(OWN_V6, std::slice::from_ref(&next_hop))).await;
        ip("-6 route add fd09::/16 metric 5 nexthop via fd00::2 nexthop via fd00::3");
        let wider = first(pair, BACKEND_MAC, 1500, 1).await;
        watched.until_reach(FAR_V6, way(OWN_V6, std::slice::from_ref(&wider))).await;
        let other: Ipv6Addr = "fd00::3".parse().unwrap();
        pair.backend.add_address(BACKEND, other).await;
        watched.until_reach(FAR_V6, way(OWN_V6, &[wider.clone(), wider])).await;
        ip("-6 route del fd09::/16 metric 5");
        watched.until_reach(FAR_V6, way(OWN_V6, &[next_hop])).await;
        ip("-6 route add unreachable fd09::/32");
        watched.until_reach(FAR_V6, Reach::No(NoHop::Refused(Refusal::Unreachable))).await;
    });
}

#[test]
#[ignore = "needs root"]
fn an_ipv4_backend_behind_an_ipv6_router_is_reached() {
    namespace::run(async |pair| {
        pair.balancer.add_address(BALANCER, OWN_V6).await;
        pair.backend.add_address(BACKEND, ROUTER_V6).await;
        ip("route add 10.9.0.0/16 via inet6 fd00::2 dev lb0");
        let mut watched = routed(&[FAR]);
        let next_hop = first(pair, BACKEND_MAC, 1500, 1).await;
        watched.until_reach(FAR, way(BALANCER_IP, &[next_hop])).await;
    });
}

/// A backend that both kinds of modes are used for: one answer for each.
#[test]
#[ignore = "needs root"]
fn l2_refuses_the_router_that_a_path_goes_by() {
    namespace::run(async |pair| {
        ip("route add 10.9.0.0/16 via 10.0.0.2");
        let far = || [FAR.into()].into();
        let mut watched = watch_all(&[BALANCER], Destinations { on_link: far(), routed: far() });
        watched.until_reach(FAR, way(BALANCER_IP, &[first(pair, BACKEND_MAC, 1500, 1).await])).await;
        let no_hop = watched.network.borrow().no_hop(FAR.into(), Forward::L2);
        assert_eq!(no_hop, Some(NoHop::Gateway(BACKEND_IP.into())));
    });
}
