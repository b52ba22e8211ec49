//! Answers as Linux 6.18 sent them to `RTM_GETROUTE` for host 9 of each prefix (7 on the link), recorded in a namespace with
//! the routes in the comments; `lb0` (10.0.0.1/24, `fd00::1/64`) has index 3, `lb1` (10.0.1.1/24) index 5.

use netlink_packet_route::{RouteNetlinkMessage, route::RouteMessage};
use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};

use super::*;

fn recorded(hex: &str) -> RouteMessage {
    let bytes: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    match NetlinkMessage::deserialize(&bytes).unwrap().payload {
        NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewRoute(route)) => route,
        other => panic!("no route: {other:?}"),
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn by(oif: u32, gateway: Option<IpAddr>, weight: u32) -> RouteHop {
    RouteHop { oif, gateway, weight }
}

fn one(oif: u32, gateway: Option<IpAddr>) -> Out {
    Out { next_hops: vec![by(oif, gateway, 1)], ..Out::default() }
}

fn found(out: Out) -> Found {
    Found::Route(Route::Out(out))
}

#[test]
fn a_host_on_the_link_has_no_gateway() {
    assert_eq!(route(&recorded(ON_LINK)), found(Out { source: Some(address("10.0.0.1")), ..one(3, None) }));
    assert_eq!(route(&recorded(ON_LINK_V6)), found(one(3, None)));
}

#[test]
fn an_own_address_is_local() {
    for answer in [LOCAL, LOCAL_V6] {
        assert_eq!(route(&recorded(answer)), Found::Route(Route::No(NoHop::Local)));
    }
}

#[test]
fn a_gateway_comes_with_the_metric_mtu() {
    assert_eq!(route(&recorded(GATEWAY)), found(Out { mtu: Some(1400), ..one(3, Some(address("10.0.0.254"))) }));
}

#[test]
fn a_gateway_may_be_of_the_other_family() {
    assert_eq!(route(&recorded(VIA_V6)), found(one(3, Some(address("fd00::254")))));
}

#[test]
fn all_next_hops_of_a_route_are_told_with_their_weights() {
    let next_hops = vec![by(3, Some(address("10.0.0.254")), 1), by(5, Some(address("10.0.1.254")), 3)];
    assert_eq!(route(&recorded(MULTIPATH)), found(Out { next_hops, ..Out::default() }));
    let next_hops = vec![by(3, Some(address("fd00::254")), 2), by(3, Some(address("fd00::253")), 1)];
    assert_eq!(route(&recorded(MULTIPATH_V6)), found(Out { next_hops, ..Out::default() }));
}

#[test]
fn a_dead_next_hop_is_left_out() {
    let mut answer = recorded(MULTIPATH);
    for attribute in &mut answer.attributes {
        if let RouteAttribute::MultiPath(next_hops) = attribute {
            next_hops[0].flags = RouteNextHopFlags::Dead | RouteNextHopFlags::Linkdown;
        }
    }
    let rest = Out { next_hops: vec![by(5, Some(address("10.0.1.254")), 3)], ..Out::default() };
    assert_eq!(route(&answer), found(rest));
}

#[test]
fn a_next_hop_object_stands_for_the_next_hops() {
    assert_eq!(route(&recorded(OBJECT)), Found::Object(9, Out::default()));
    assert_eq!(route(&recorded(OBJECT_ALONE)), Found::Object(9, Out::default()), "without compatibility");
    let out = Out { mtu: Some(1300), source: Some(address("10.0.1.1")), ..Out::default() };
    assert_eq!(route(&recorded(OBJECT_WITH_SOURCE)), Found::Object(9, out));
    assert_eq!(route(&recorded(OBJECT_V6)), Found::Object(11, Out::default()));
}

#[test]
fn a_route_that_encapsulates_is_none_for_the_program() {
    assert_eq!(route(&recorded(ENCAP)), Found::Route(Route::No(NoHop::Encap)));
}

#[test]
fn a_look_up_without_the_whole_route_tells_the_source() {
    assert_eq!(source(&recorded(LOOK_UP)), Some(address("10.0.0.1")));
    assert_eq!(source(&recorded(LOOK_UP_V6)), Some(address("fd00::1")));
    assert_eq!(source(&recorded(GATEWAY)), None, "the route names none");
}

#[test]
fn each_refusal_has_its_error() {
    let refused_by = |refusal| NoHop::Refused(refusal);
    assert_eq!(refused(libc::EINVAL), refused_by(Refusal::Blackhole));
    assert_eq!(refused(libc::EHOSTUNREACH), refused_by(Refusal::Unreachable));
    assert_eq!(refused(libc::EACCES), refused_by(Refusal::Prohibit));
    assert_eq!(refused(libc::ENETUNREACH), NoHop::NoRoute);
}

/// `10.0.0.0/24 dev lb0 proto kernel scope link src 10.0.0.1`
const ON_LINK: &str = "\
    3c0000001800000001000000b113000002180000fe02fd010000000008000f00fe000000080001000a000000080007000a00\
    00010800040003000000";

/// `fd00::/64 dev lb0 proto kernel`
const ON_LINK_V6: &str = "\
    740000001800000001000000b11300000a400000fe0200010000000008000f00fe00000014000100fd000000000000000000\
    0000000000000800060000010000080004000300000024000c00000000000000000000000000000000000000000000000000\
    00000000000000000500140000000000";

/// `local 10.0.0.1 dev lb0`
const LOCAL: &str = "\
    3c0000001800000001000000b113000002200000fe02fe020000000008000f00fe000000080001000a000001080007000a00\
    00010800040003000000";

/// `local fd00::1 dev lb0`
const LOCAL_V6: &str = "\
    740000001800000001000000b11300000a800000ff0200020000000008000f00ff00000014000100fd000000000000000000\
    0000000000010800060000000000080004000300000024000c00000000000000000000000000000000000000000000000000\
    00000000000000000500140000000000";

/// `10.1.0.0/24 via 10.0.0.254 mtu 1400`
const GATEWAY: &str = "\
    480000001800000001000000b113000002180000fe0300010000000008000f00fe000000080001000a0100000c0008000800\
    020078050000080005000a0000fe0800040003000000";

/// `10.1.0.0/24 via 10.0.0.254 mtu 1400` without `RTM_F_FIB_MATCH`
const LOOK_UP: &str = "\
    7c0000001800000001000000b113000002200000fe0000010002000008000f00fe000000080001000a010009080004000300\
    0000080007000a000001080005000a0000fe0c0008000800020078050000080019000000000024000c000200000000000000\
    000000000000000000000000000000000000000000000000";

/// `10.8.0.0/24 via inet6 fd00::254 dev lb0`
const VIA_V6: &str = "\
    4c0000001800000001000000b113000002180000fe0300010000000008000f00fe000000080001000a080000160012000a00\
    fd00000000000000000000000000025400000800040003000000";

/// `10.2.0.0/24 nexthop via 10.0.0.254 weight 1 nexthop via 10.0.1.254 weight 3`
const MULTIPATH: &str = "\
    500000001800000001000000b113000002180000fe0300010000000008000f00fe000000080001000a020000240009001000\
    000003000000080005000a0000fe1000000205000000080005000a0001fe";

/// `fd01::/64 nexthop via fd00::253 nexthop via fd00::254 weight 2`
const MULTIPATH_V6: &str = "\
    a80000001800000001000000b11300000a400000fe0300010000000008000f00fe00000014000100fd010000000000000000\
    00000000000008000600000400003c0009001c0000010300000014000500fd0000000000000000000000000002541c000000\
    0300000014000500fd00000000000000000000000000025324000c0000000000000000000000000000000000000000000000\
    000000000000000000000500140000000000";

/// `fd01::/64 nexthop via fd00::253 nexthop via fd00::254 weight 2` without `RTM_F_FIB_MATCH`
const LOOK_UP_V6: &str = "\
    b00000001800000001000000b11300000a808000fe0300010000000008000f00fe00000014000100fd010000000000000000\
    000000000009140002000000000000000000000000000000000014000700fd00000000000000000000000000000108000600\
    0004000014000500fd000000000000000000000000000254080004000300000024000c000200000000000000000000000000\
    0000000000000000000000000000000000000500140000000000";

/// `10.3.0.0/24 nhid 9`
const OBJECT: &str = "\
    580000001800000001000000b113000002180000fe0300010000000008000f00fe000000080001000a03000008001e000900\
    0000240009001000000103000000080005000a0000fe1000000205000000080005000a0001fe";

/// `10.3.0.0/24 nhid 9` with `net.ipv4.nexthop_compat_mode=0`
const OBJECT_ALONE: &str = "\
    340000001800000001000000b113000002180000fe0300010000000008000f00fe000000080001000a03000008001e000900\
    0000";

/// `10.9.0.0/24 nhid 9 mtu 1300 src 10.0.1.1`
const OBJECT_WITH_SOURCE: &str = "\
    6c0000001800000001000000b113000002180000fe0300010000000008000f00fe000000080001000a0900000c0008000800\
    020014050000080007000a00010108001e0009000000240009001000000103000000080005000a0000fe1000000205000000\
    080005000a0001fe";

/// `fd08::/64 nhid 11`
const OBJECT_V6: &str = "\
    900000001800000001000000b11300000a400000fe0300010000000008000f00fe00000014000100fd080000000000000000\
    000000000000080006000004000008001e000b00000014000500fd0000000000000000000000000002540800040003000000\
    24000c0000000000000000000000000000000000000000000000000000000000000000000500140000000000";

/// `10.10.0.0/24 encap ip id 5 dst 10.0.0.9 via 10.0.0.254`
const ENCAP: &str = "\
    7c0000001800000001000000b113000002180000fe0300010000000008000f00fe000000080001000a0a0000080005000a00\
    00fe0800040003000000380016000c0001000000000000000005080002000a00000908000300000000000500050000000000\
    050004000000000006000600000000000600150002000000";
