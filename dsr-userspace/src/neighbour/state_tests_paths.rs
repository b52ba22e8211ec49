//! Facts in, paths by routers out.

use super::*;
use crate::model::{Forward, OuterSources, Refusal};

/// A state in which the backend may be behind routers.
pub(super) fn routed(next_hops: Vec<RouteHop>, mtu: Option<u32>) -> State {
    let mut state = State::default();
    state.set_interfaces(&BTreeSet::from(["eth0".to_owned()]));
    state.learn(link("eth0", ETH0, None));
    state.learn(link("eth1", ETH1, None));
    state.learn(link("eth0.10", OUTER, Some(vlan(ETH0, 0x88a8, 10))));
    state.set_wanted(Destinations { routed: BTreeSet::from([backend()]), ..Destinations::default() });
    assert_eq!(state.source(backend()), Source::Wanted);
    let source = Some(address("10.0.0.1"));
    state.set_route(backend(), Route::Out(Out { next_hops, mtu, source, objects: vec![7] }));
    state.take_questions();
    state.take_news();
    state
}

pub(super) fn by(oif: u32, gateway: &str, weight: u32) -> RouteHop {
    RouteHop { oif, gateway: Some(address(gateway)), weight }
}

fn router_answers(state: &mut State, oif: u32, gateway: &str, last: u8) {
    state.learn(Fact::Neighbour((oif, address(gateway)), Entry::Resolved(mac(last), Confirmation::Idle)));
}

pub(super) fn hop(state: &State) -> Result<Hop, NoHop> {
    match reach(state) {
        Reach::Hop(hop) => Ok(hop),
        Reach::No(no) => Err(no),
    }
}

/// The last byte of each next hop's MAC, and its weight; of a way with one next hop alone the former.
pub(super) fn next_hops(state: &State) -> Vec<(u8, u16)> {
    let hop = hop(state).unwrap();
    match &hop.path.next_hops[..] {
        [] => vec![(hop.destination.0[5], 1)],
        all => all.iter().map(|next_hop| (next_hop.destination.0[5], next_hop.weight)).collect(),
    }
}

#[test]
fn a_router_is_the_next_hop_of_a_path() {
    let mut state = routed(vec![by(ETH0, "10.0.0.254", 1)], Some(1400));
    let router = address("10.0.0.254");
    assert_eq!(hop(&state), Err(NoHop::SilentGateway(router)));
    assert_eq!(state.probes(), BTreeMap::from([((ETH0, router), NeighbourProbe::Solicit)]));
    router_answers(&mut state, ETH0, "10.0.0.254", 9);
    assert_eq!(state.take_news(), News::ALL);
    let path = RoutedPath { mtu: 1400, source: Some(address("10.0.0.1")), next_hops: vec![] };
    assert_eq!(hop(&state), Ok(Hop { ifindex: ETH0, source: mac(2), destination: mac(9), tags: vec![], path }));
    let network = state.network();
    assert_eq!(network.gateways, BTreeMap::from([(backend(), router)]));
    assert_eq!(network.mac(backend()), None, "that MAC is the router's");
    assert_eq!(network.no_hop(backend(), Forward::L2), Some(NoHop::Gateway(router)));
    assert_eq!(network.no_hop(backend(), Forward::Ipip(OuterSources::default())), None);
    router_answers(&mut state, ETH0, "10.0.0.254", 10);
    assert!(state.take_news().network, "the router has another MAC");
    assert_eq!(next_hops(&state), [(10, 1)]);
}

#[test]
fn the_routers_that_answer_share_the_flows() {
    let mut state = routed(vec![by(ETH0, "10.0.0.254", 1), by(OUTER, "fe80::1", 3)], None);
    let (first, second) = (address("10.0.0.254"), address("fe80::1"));
    router_answers(&mut state, ETH0, "10.0.0.254", 9);
    assert_eq!(next_hops(&state), [(9, 1)]);
    router_answers(&mut state, OUTER, "fe80::1", 10);
    assert_eq!(next_hops(&state), [(9, 1), (10, 3)]);
    assert_eq!(hop(&state).unwrap().path.next_hops[1].tags, [VlanTag { tpid: 0x88a8, id: 10 }]);
    // Asked in vain, the first one drops out; the other one has all flows.
    state.learn(Fact::Neighbour((ETH0, first), Entry::Failed));
    assert_eq!(next_hops(&state).len(), 2, "not before everybody on the link was asked");
    state.solicited((ETH0, first));
    state.learn(Fact::Neighbour((ETH0, first), Entry::Failed));
    assert_eq!(next_hops(&state), [(10, 1)]);
    assert_eq!(state.network().gateways[&backend()], second);
    state.learn(Fact::LinkGone(OUTER));
    assert_eq!(hop(&state), Err(NoHop::SilentGateway(first)));
}

#[test]
fn the_mtu_of_a_path_is_the_least_of_route_and_links() {
    let mtu_of = |oif, route, below| {
        let mut state = routed(vec![by(oif, "10.0.0.254", 1)], route);
        router_answers(&mut state, oif, "10.0.0.254", 9);
        let Fact::Link(_, eth0) = link("eth0", ETH0, None) else { unreachable!() };
        state.learn(Fact::Link(ETH0, Link { mtu: below, ..eth0 }));
        hop(&state).unwrap().path.mtu
    };
    assert_eq!(mtu_of(ETH0, None, 9000), 9000);
    assert_eq!(mtu_of(ETH0, Some(1400), 9000), 1400);
    assert_eq!(mtu_of(ETH0, Some(9000), 1500), 1500, "no frame is longer than the link takes");
    assert_eq!(mtu_of(OUTER, None, 9000), 1500, "of the VLAN sub-interface");
    assert_eq!(mtu_of(OUTER, None, 1450), 1450, "of the interface below it");
}

#[test]
fn a_backend_on_the_link_is_its_own_next_hop() {
    let mut state = routed(vec![RouteHop { oif: ETH0, gateway: None, weight: 1 }], None);
    assert_eq!(hop(&state), Err(NoHop::NoNeighbour(backend())));
    resolve(&mut state, ETH0, Confirmation::Idle);
    assert_eq!(next_hops(&state), [(9, 1)]);
    assert_eq!(state.network().no_hop(backend(), Forward::L2), None);
    assert_eq!(state.network().mac(backend()), Some(mac(9)));
}

#[test]
fn l2_takes_the_next_hop_without_a_router() {
    let next_hops = vec![by(ETH0, "10.0.0.254", 1), RouteHop { oif: ETH0, gateway: None, weight: 1 }];
    let mut state = state(Route::Out(Out { next_hops, ..Out::default() }));
    resolve(&mut state, ETH0, Confirmation::Idle);
    assert!(matches!(reach(&state), Reach::Hop(_)));
    assert_eq!(state.probes().len(), 1, "routers are none of its business");
    assert_eq!(state.source(backend()), Source::NotWanted);
}

#[test]
fn only_users_of_a_next_hop_object_are_asked_again() {
    let mut state = routed(vec![by(ETH0, "10.0.0.254", 1)], None);
    state.learn(Fact::NextHopChanged(8));
    assert_eq!(state.take_questions(), Questions::default());
    state.learn(Fact::NextHopChanged(7));
    assert_eq!(state.take_questions(), Questions { routes: BTreeSet::from([backend()]), must_settle: true });
}

#[test]
fn a_route_that_is_withdrawn_and_comes_back_finds_its_router() {
    let mut state = routed(vec![by(ETH0, "10.0.0.254", 1)], None);
    let Some(route) = state.routes.get(&backend()).cloned() else { unreachable!() };
    let router = (ETH0, address("10.0.0.254"));
    router_answers(&mut state, ETH0, "10.0.0.254", 9);
    state.set_route(backend(), Route::No(NoHop::Refused(Refusal::Unreachable)));
    assert_eq!(hop(&state), Err(NoHop::Refused(Refusal::Unreachable)));
    assert_eq!(state.probes(), BTreeMap::new());
    state.learn(Fact::NeighbourGone(router));
    state.set_route(backend(), route);
    assert_eq!(next_hops(&state), [(9, 1)], "its last MAC counts until it was asked for");
    assert_eq!(state.probes(), BTreeMap::from([(router, NeighbourProbe::Solicit)]));
}

#[test]
fn a_backend_that_is_wanted_otherwise_is_asked_for_again() {
    let mut state = state(via(ETH0, Some(address("10.0.0.254"))));
    state.set_wanted(Destinations { routed: BTreeSet::from([backend()]), ..on_link(&[backend()]) });
    let asked = Questions { routes: BTreeSet::from([backend()]), must_settle: false };
    assert_eq!(state.take_questions(), asked, "its source was not asked for");
    router_answers(&mut state, ETH0, "10.0.0.254", 9);
    assert_eq!(state.network().no_hop(backend(), Forward::L2), Some(NoHop::Gateway(address("10.0.0.254"))));
}
