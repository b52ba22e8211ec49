//! Facts about bridges in, ports out.

use super::{
    paths::{by, hop, next_hops, routed},
    *,
};
use crate::neighbour::facts::ForwardingKey;

/// The backend is behind eth0, which is a port of this bridge.
const BRIDGE: u32 = 6;
const FORWARDING: ForwardingKey = ForwardingKey { bridge: BRIDGE, mac: mac(9), vlan: 0 };

/// The bridge and its port.
fn bridge() -> [Fact; 2] {
    let link = |name, index, kind, controller| {
        let Fact::Link(index, link) = link(name, index, None) else { unreachable!() };
        Fact::Link(index, Link { kind, controller, ..link })
    };
    [link("br0", BRIDGE, Kind::Bridge { filter: None }, None), link("eth0", ETH0, Kind::Plain, Some(BRIDGE))]
}

/// A state in which the bridge has found its port, and lost it.
fn flushed() -> (State, Reach) {
    let mut state = state(out(BRIDGE));
    for fact in bridge() {
        state.learn(fact);
    }
    resolve(&mut state, BRIDGE, Confirmation::Idle);
    assert_eq!(reach(&state), Reach::No(NoHop::NoPort("br0".into())));
    state.learn(Fact::Forwarding(FORWARDING, ETH0));
    let hop = reach(&state);
    assert!(matches!(hop, Reach::Hop(_)), "{hop:?}");
    state.learn(Fact::ForwardingGone(FORWARDING));
    state.take_news();
    assert_eq!((reach(&state), state.probes()), (hop.clone(), probe(NeighbourProbe::Locate)));
    state.asked((BRIDGE, backend()));
    assert_eq!((reach(&state), state.probes()), (hop.clone(), probe(NeighbourProbe::Confirm)), "it is asked once");
    (state, hop)
}

fn probe(probe: NeighbourProbe) -> BTreeMap<NeighbourKey, NeighbourProbe> {
    BTreeMap::from([((BRIDGE, backend()), probe)])
}

#[test]
fn a_port_counts_until_an_answer_does_not_show_it() {
    let (mut state, hop) = flushed();
    resolve(&mut state, BRIDGE, Confirmation::Checking);
    assert_eq!(reach(&state), hop);
    state.take_news();
    resolve(&mut state, BRIDGE, Confirmation::Idle);
    assert_eq!(state.take_news(), News { network: true, probes: true });
    assert_eq!(reach(&state), Reach::No(NoHop::NoPort("br0".into())));
    assert_eq!(state.probes(), probe(NeighbourProbe::Confirm));
}

#[test]
fn a_port_that_an_answer_shows_is_in_use_without_a_gap() {
    let (mut state, hop) = flushed();
    resolve(&mut state, BRIDGE, Confirmation::Checking);
    state.learn(Fact::Forwarding(FORWARDING, ETH0));
    resolve(&mut state, BRIDGE, Confirmation::Idle);
    assert_eq!((reach(&state), state.probes()), (hop, probe(NeighbourProbe::Confirm)));
}

#[test]
fn a_port_counts_no_longer_than_the_mac_or_than_it_belongs_to_the_bridge() {
    let (mut silent, _) = flushed();
    silent.learn(Fact::Neighbour((BRIDGE, backend()), Entry::Failed));
    silent.solicited((BRIDGE, backend()));
    silent.learn(Fact::Neighbour((BRIDGE, backend()), Entry::Failed));
    silent.take_news();
    resolve(&mut silent, BRIDGE, Confirmation::Idle);
    assert_eq!(reach(&silent), Reach::No(NoHop::NoPort("br0".into())));

    let (mut left, _) = flushed();
    left.learn(link("eth0", ETH0, None));
    assert_eq!(reach(&left), Reach::No(NoHop::OtherInterface("br0".into())));
}

#[test]
fn the_lost_port_of_a_router_counts_until_an_answer_does_not_show_it() {
    let router = (BRIDGE, address("10.0.0.254"));
    let mut state = routed(vec![by(BRIDGE, "10.0.0.254", 1)], None);
    for fact in bridge() {
        state.learn(fact);
    }
    let answers = |state: &mut State, confirmation| {
        state.learn(Fact::Neighbour(router, Entry::Resolved(mac(9), confirmation)));
    };
    answers(&mut state, Confirmation::Idle);
    state.learn(Fact::Forwarding(FORWARDING, ETH0));
    assert_eq!(next_hops(&state), [(9, 1)]);
    state.learn(Fact::ForwardingGone(FORWARDING));
    state.take_news();
    let probe = |probe| BTreeMap::from([(router, probe)]);
    assert_eq!((next_hops(&state), state.probes()), (vec![(9, 1)], probe(NeighbourProbe::Locate)));
    state.asked(router);
    assert_eq!((next_hops(&state), state.probes()), (vec![(9, 1)], probe(NeighbourProbe::Confirm)), "it is asked once");
    answers(&mut state, Confirmation::Checking);
    answers(&mut state, Confirmation::Idle);
    assert_eq!(hop(&state), Err(NoHop::NoPort("br0".into())));
}
