//! Facts in, the way to a backend out.

use super::*;
use crate::{
    model::{Hop, Mac, NoHop, Reach, RoutedPath, VlanTag},
    neighbour::{
        facts::{Confirmation, Duty, Kind, Link, Out, Prefix, RouteHop, Vlan},
        probe_schedule::NeighbourProbe,
    },
};

const ETH0: u32 = 2;
const ETH1: u32 = 3;
const OUTER: u32 = 4;
const INNER: u32 = 5;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn backend() -> IpAddr {
    address("10.0.0.9")
}

const fn mac(last: u8) -> Mac {
    Mac([2, 0, 0, 0, 0, last])
}

fn link(name: &str, index: u32, vlan: Option<Vlan>) -> Fact {
    let mac = Some(mac(index as u8));
    let kind = vlan.map_or(Kind::Plain, Kind::Vlan);
    let name = name.into();
    Fact::Link(
        index,
        Link { name, mac, mtu: 1500, enabled: true, carrier: true, kind, controller: None, duty: Duty::Active },
    )
}

fn vlan(parent: u32, tpid: u16, id: u16) -> Vlan {
    Vlan { parent, tag: VlanTag { tpid, id } }
}

fn out(oif: u32) -> Route {
    via(oif, None)
}

fn via(oif: u32, gateway: Option<IpAddr>) -> Route {
    Route::Out(Out { next_hops: vec![RouteHop { oif, gateway, weight: 1 }], ..Out::default() })
}

fn on_link(addresses: &[IpAddr]) -> Destinations {
    Destinations { on_link: addresses.iter().copied().collect(), ..Destinations::default() }
}

/// eth0 is the configuration's interface, eth1 is not; on eth0 stand two VLANs, one within the other.
fn state(route: Route) -> State {
    let mut state = State::default();
    state.set_interfaces(&BTreeSet::from(["eth0".to_owned()]));
    state.learn(link("eth0", ETH0, None));
    state.learn(link("eth1", ETH1, None));
    state.learn(link("eth0.10", OUTER, Some(vlan(ETH0, 0x88a8, 10))));
    state.learn(link("eth0.10.20", INNER, Some(vlan(OUTER, 0x8100, 20))));
    state.set_wanted(on_link(&[backend()]));
    state.take_questions();
    state.set_route(backend(), route);
    state
}

fn resolve(state: &mut State, oif: u32, confirmation: Confirmation) {
    state.learn(Fact::Neighbour((oif, backend()), Entry::Resolved(mac(9), confirmation)));
}

fn reach(state: &State) -> Reach {
    state.network().reach[&backend()].clone()
}

#[test]
fn a_resolved_neighbour_is_a_hop() {
    let mut state = state(out(ETH0));
    assert_eq!(reach(&state), Reach::No(NoHop::NoNeighbour(backend())));
    resolve(&mut state, ETH0, Confirmation::Idle);
    let hop = Hop { ifindex: ETH0, source: mac(2), destination: mac(9), tags: vec![], path: RoutedPath::default() };
    assert_eq!(reach(&state), Reach::Hop(hop.clone()));
    resolve(&mut state, ETH0, Confirmation::Checking);
    assert_eq!(reach(&state), Reach::Hop(hop), "the MAC stays while the kernel checks it");
}

#[test]
fn a_mac_counts_until_everybody_was_asked_in_vain() {
    let (key, failed) = ((ETH0, backend()), || Fact::Neighbour((ETH0, backend()), Entry::Failed));
    let solicit = BTreeMap::from([(key, NeighbourProbe::Solicit)]);
    let losses: [&dyn Fn(&mut State); 3] =
        [&|state| state.learn(failed()), &|state| state.learn(Fact::NeighbourGone(key)), &|state| {
            state.forget();
            state.learn(link("eth0", ETH0, None));
        }];
    for lose in losses {
        let mut state = state(out(ETH0));
        resolve(&mut state, ETH0, Confirmation::Checking);
        let hop = reach(&state);
        lose(&mut state);
        assert_eq!((reach(&state), state.probes()), (hop.clone(), solicit.clone()));
        state.learn(failed());
        assert_eq!(reach(&state), hop, "only the neighbour itself was asked");
        state.solicited(key);
        state.take_news();
        assert_eq!((reach(&state), state.probes()), (hop, solicit.clone()), "the answer may come yet");
        state.learn(failed());
        assert_eq!(state.take_news(), News { network: true, probes: true });
        assert_eq!((reach(&state), state.probes()), (Reach::No(NoHop::NoNeighbour(backend())), solicit.clone()));
        resolve(&mut state, ETH0, Confirmation::Idle);
        state.learn(failed());
        assert!(matches!(reach(&state), Reach::Hop(_)), "it is asked anew");
    }
}

#[test]
fn a_mac_that_was_lost_and_found_is_no_news() {
    let mut state = state(out(ETH0));
    resolve(&mut state, ETH0, Confirmation::Checking);
    state.take_news();
    state.learn(Fact::Neighbour((ETH0, backend()), Entry::Failed));
    state.solicited((ETH0, backend()));
    resolve(&mut state, ETH0, Confirmation::Idle);
    assert_eq!(state.take_news(), News { network: false, probes: true });
    assert_eq!(state.probes(), BTreeMap::from([((ETH0, backend()), NeighbourProbe::Confirm)]));
}

#[test]
fn vlan_sub_interfaces_resolve_to_the_device_and_its_tags() {
    let mut state = state(out(INNER));
    resolve(&mut state, INNER, Confirmation::Idle);
    let tags = vec![VlanTag { tpid: 0x88a8, id: 10 }, VlanTag { tpid: 0x8100, id: 20 }];
    let hop = Hop { ifindex: ETH0, source: mac(INNER as u8), destination: mac(9), tags, path: RoutedPath::default() };
    assert_eq!(reach(&state), Reach::Hop(hop));
    state.learn(link("other", ETH0, None));
    assert_eq!(reach(&state), Reach::No(NoHop::OtherInterface("eth0.10.20".into())));
}

#[test]
fn links_that_stand_on_each_other_in_a_circle_end() {
    let mut state = state(out(INNER));
    state.learn(link("eth0.10", OUTER, Some(vlan(INNER, 0x8100, 10))));
    assert_eq!(reach(&state), Reach::No(NoHop::OtherInterface("eth0.10.20".into())));
}

#[test]
fn each_way_that_l2_cannot_go_is_named() {
    let router = address("10.0.0.1");
    let cases = [
        (Route::No(NoHop::NoRoute), NoHop::NoRoute),
        (Route::No(NoHop::Local), NoHop::Local),
        (via(ETH0, Some(router)), NoHop::Gateway(router)),
        (via(ETH1, Some(router)), NoHop::OtherInterface("eth1".into())),
        (out(ETH1), NoHop::OtherInterface("eth1".into())),
        (out(99), NoHop::NoRoute),
    ];
    for (route, expected) in cases {
        let state = state(route.clone());
        assert_eq!(reach(&state), Reach::No(expected), "{route:?}");
    }
}

#[test]
fn a_link_without_carrier_reaches_nobody() {
    let mut state = state(out(OUTER));
    resolve(&mut state, OUTER, Confirmation::Fixed);
    let Fact::Link(_, eth0) = link("eth0", ETH0, None) else { unreachable!() };
    state.learn(Fact::Link(ETH0, Link { carrier: false, ..eth0 }));
    assert_eq!(reach(&state), Reach::No(NoHop::InterfaceDown("eth0.10".into())));
    assert!(!state.network().interfaces["eth0"].up);
    assert_eq!(state.probes(), BTreeMap::new());
}

#[test]
fn only_what_a_change_touches_is_asked_again() {
    let mut state = state(out(ETH0));
    let other = address("192.0.2.1");
    state.set_wanted(on_link(&[backend(), other]));
    let only = |address| Questions { routes: BTreeSet::from([address]), must_settle: false };
    assert_eq!(state.take_questions(), only(other));
    state.learn(Fact::RouteChanged(Prefix { address: address("10.0.0.0"), length: 8 }));
    assert_eq!(state.take_questions(), only(backend()));
    state.learn(Fact::RouteChanged(Prefix { address: address("172.16.0.0"), length: 12 }));
    state.learn(link("eth1", ETH1, None));
    resolve(&mut state, ETH0, Confirmation::Idle);
    assert_eq!(state.take_questions(), Questions::default(), "nothing of ours changed");
    state.learn(Fact::LinkGone(ETH1));
    let all = Questions { routes: BTreeSet::from([backend(), other]), must_settle: true };
    assert_eq!(state.take_questions(), all);
}

#[test]
fn a_backend_that_is_not_wanted_any_more_is_forgotten() {
    let mut state = state(out(ETH0));
    state.set_wanted(Destinations::default());
    state.set_route(backend(), out(ETH0));
    assert!(state.network().reach.is_empty());
}

#[test]
fn routes_are_asked_for_again_after_a_loss() {
    let mut state = state(out(ETH0));
    state.forget();
    assert_eq!(state.take_questions().routes, BTreeSet::from([backend()]));
}

#[test]
fn care_is_for_entries_that_the_kernel_leaves_alone() {
    let key = (ETH0, backend());
    let mut state = state(out(ETH0));
    assert_eq!(state.probes(), BTreeMap::from([(key, NeighbourProbe::Solicit)]));
    resolve(&mut state, ETH0, Confirmation::Idle);
    assert_eq!(state.probes(), BTreeMap::from([(key, NeighbourProbe::Confirm)]));
    for confirmation in [Confirmation::Checking, Confirmation::Fixed] {
        resolve(&mut state, ETH0, confirmation);
        assert_eq!(state.probes(), BTreeMap::new(), "{confirmation:?}");
    }
}

#[test]
fn what_changes_nothing_is_no_news() {
    let mut state = state(out(ETH0));
    resolve(&mut state, ETH0, Confirmation::Idle);
    assert_eq!(state.take_news(), News { network: true, probes: true });
    assert_eq!(state.take_news(), News::default());
    resolve(&mut state, ETH0, Confirmation::Idle);
    assert_eq!(state.take_news(), News::default());
    // The kernel confirms it, as it does all day.
    resolve(&mut state, ETH0, Confirmation::Checking);
    assert_eq!(state.take_news(), News { network: false, probes: true });
    state.learn(Fact::Neighbour((ETH0, address("10.0.0.77")), Entry::Resolved(mac(7), Confirmation::Idle)));
    assert_eq!(state.take_news(), News::default(), "it is no backend");
    state.learn(Fact::Neighbour((ETH0, backend()), Entry::Resolved(mac(8), Confirmation::Checking)));
    assert_eq!(state.take_news(), News { network: true, probes: true });
    state.learn(Fact::Neighbour((ETH0, backend()), Entry::Failed));
    assert_eq!(state.take_news(), News { network: false, probes: true });
    state.learn(Fact::NeighbourGone((ETH0, backend())));
    assert_eq!(state.take_news(), News { network: false, probes: true });
}

#[path = "state_tests_paths.rs"]
mod paths;

#[path = "state_tests_ports.rs"]
mod ports;
