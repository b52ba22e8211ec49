//! VLAN tags that XDP does not see.

use super::*;

const PARSE: &str = "rx-vlan-hw-parse";
const FILTER: &str = "rx-vlan-filter";

fn used(vlan: &str) -> Vlans {
    Vlans { used: vec![vlan.into()], ..Vlans::default() }
}

fn idle(vlan: &str) -> Vlans {
    Vlans { idle: vec![vlan.into()], ..Vlans::default() }
}

fn listed() -> Vlans {
    Vlans { listed: true, ..Vlans::default() }
}

/// A card that strips tags and drops frames of VLANs without an interface.
fn stripping() -> Interface {
    Interface { offloads: vec![off(PARSE), off(FILTER)], ..card() }
}

fn veth() -> Interface {
    Interface { device: Device::Veth, offloads: vec![off(PARSE)], ..card() }
}

#[test]
fn a_vlan_that_is_in_use_is_an_error() {
    let with = Interface { vlans: used("eth0.100"), ..stripping() };
    assert_eq!(of(with.clone(), "eth0.100 is on it"), error("ethtool -K eth0 rxvlan off"));
    let fixed = Interface { offloads: vec![Offload { name: PARSE.into(), fixed: true }], ..with.clone() };
    assert_eq!(of(fixed, "hides VLAN tags").0, Severity::Error);
    let stag = Interface { offloads: vec![off("rx-vlan-stag-hw-parse")], ..with.clone() };
    assert_eq!(of(stag, "hides VLAN tags").1, "ethtool -K eth0 rx-vlan-stag-hw-parse off");
    let both = Interface { vlans: Vlans { listed: true, ..used("VLAN 30 of `vlans`") }, ..with };
    assert_eq!(of(both, "leave untagged, and `vlans` has no effect").0, Severity::Error);
}

#[test]
fn lists_and_idle_vlans_are_warnings() {
    let remedy = || warning("ethtool -K eth0 rxvlan off");
    let with = |vlans| Interface { vlans, ..stripping() };
    assert_eq!(of(with(listed()), "`vlans` has no effect, and VIPs are taken in every VLAN"), remedy());
    assert_eq!(of(with(idle("eth0.7")), "eth0.7 is on it: VIPs are taken in every VLAN"), remedy());
    let fixed = Interface { offloads: vec![Offload { name: PARSE.into(), fixed: true }], ..with(listed()) };
    assert!(of(fixed, "`vlans` has no effect").1.contains("carry untagged frames only, or use another network card"));
    for vlans in [used("eth0.7"), idle("eth0.7"), listed()] {
        let seen = Interface { offloads: vec![off(FILTER)], ..with(vlans) };
        assert_eq!(findings(&host(seen)), [], "tags that XDP sees");
    }
    let port = |vlans| Interface { name: "eth1".into(), ..with(vlans) };
    let bond = |vlans| Interface { device: Device::Bond(Bond { unable: None, ports: vec![port(vlans)] }), ..card() };
    assert_eq!(of(bond(listed()), "`vlans` has no effect"), warning("ethtool -K eth1 rxvlan off"));
    assert_eq!(findings(&host(bond(Vlans::default()))), []);
}

#[test]
fn a_card_that_filters_no_vlans() {
    assert_eq!(findings(&host(stripping())), [], "no tagged frame passes the card's filter");
    let unfiltered = Interface { offloads: vec![off(PARSE)], ..card() };
    assert_eq!(of(unfiltered, "(rx-vlan-filter is off)"), warning("ethtool -K eth0 rxvlan off"));
    let bridged = Interface { takes_all: true, ..stripping() };
    assert_eq!(of(bridged, "(it is promiscuous)"), warning("ethtool -K eth0 rxvlan off"));
    assert_eq!(findings(&host(Interface { offloads: vec![], takes_all: true, ..card() })), []);
}

#[test]
fn a_veth_peer_that_hands_tags_over_beside_the_frame() {
    assert_eq!(findings(&host(Interface { takes_all: true, ..veth() })), [], "no tags are expected");
    for (vlans, part) in [
        (used("eth0.100"), "eth0.100 is on it"),
        (idle("eth0.7"), "eth0.7 is on it: VIPs are taken in every VLAN"),
        (listed(), "hidden from XDP, so `vlans` has no effect"),
    ] {
        let with = |local_peer| Interface { vlans: vlans.clone(), local_peer, ..veth() };
        let local = |writes_tags| Some(LocalPeer { name: "veth1".into(), writes_tags });
        assert_eq!(of(with(None), part), warning("ethtool -K PEER txvlan off, where PEER is the other end"));
        assert_eq!(of(with(local(false)), part), warning("ethtool -K veth1 txvlan off"));
        assert_eq!(findings(&host(with(local(true)))), []);
    }
}
