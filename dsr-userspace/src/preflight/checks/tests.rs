//! Each finding with its command, and hosts without any.

mod tags;

use std::collections::BTreeSet;

use super::*;
use crate::{
    config::XdpMode,
    preflight::facts::{
        Bond, Device, Hops, LinkState, Listening, LocalPeer, Offload, Peer, Program, ProgramMode, QueueSetting, Queues,
        Routed, SourceFilter, Vlans, XdpFeatures,
    },
};

fn card() -> Interface {
    Interface {
        name: "eth0".into(),
        device: Device::Other,
        driver: Some("ixgbe".into()),
        xdp: Some(XdpFeatures(XdpFeatures::BASIC | XdpFeatures::SENDS)),
        offloads: vec![Offload { name: "rx-checksum".into(), fixed: false }],
        queues: Some(Queues { used: 4, most: 64, setting: QueueSetting::Combined }),
        mtu: 1500,
        state: LinkState::Up,
        promiscuous: false,
        takes_all: false,
        program: None,
        vlans: Vlans::default(),
        peer: Peer::Unknown,
        local_peer: None,
    }
}

fn host(interface: Interface) -> Facts {
    Facts {
        cpus: 4,
        mode: XdpMode::Native,
        interfaces: vec![interface],
        vips: vec![],
        routes_to_vips: vec![],
        routed: BTreeSet::new(),
        backends: vec![],
        toward_backends: vec![],
    }
}

fn off(name: &str) -> Offload {
    Offload { name: name.into(), fixed: false }
}

/// The one finding, as severity and command; its text has to hold `part`.
fn only(facts: &Facts, part: &str) -> (Severity, String) {
    let found = findings(facts);
    let [found] = found.as_slice() else { panic!("{found:#?}") };
    assert!(found.finding.contains(part), "{found}");
    (found.severity, found.remedy.clone())
}

fn of(interface: Interface, part: &str) -> (Severity, String) {
    only(&host(interface), part)
}

fn error(remedy: &str) -> (Severity, String) {
    (Severity::Error, remedy.to_owned())
}

fn warning(remedy: &str) -> (Severity, String) {
    (Severity::Warning, remedy.to_owned())
}

#[test]
fn a_good_card_has_no_findings() {
    assert_eq!(findings(&host(card())), []);
    let old_kernel = Interface { xdp: None, ..card() };
    assert_eq!(findings(&host(old_kernel)), []);
}

#[test]
fn a_driver_without_native_xdp() {
    let none = Interface { xdp: Some(XdpFeatures(0)), driver: Some("e1000e".into()), ..card() };
    let remedy = "use another network card, or, for tests only, write `xdp_mode: generic` in the configuration";
    assert_eq!(of(none.clone(), "its driver e1000e has no native XDP"), error(remedy));
    let generic = Facts { mode: XdpMode::GenericAllowed, ..host(none.clone()) };
    assert_eq!(only(&generic, "several times slower").0, Severity::Warning);
    let unknown = Interface { xdp: None, ..none.clone() };
    assert_eq!(of(unknown, "does not report").0, Severity::Warning);
    let bridge = Interface { device: Device::Bridge(vec!["eth0".into(), "eth1".into()]), ..none.clone() };
    let remedy = "write its ports in the configuration: `interfaces: [eth0, eth1]`";
    assert_eq!(of(bridge, "is a bridge"), error(remedy));
    let vlan = Interface { device: Device::Vlan(Some("eth0".into())), ..none };
    assert_eq!(
        of(vlan, "VLAN sub-interface").1,
        "write its lower interface in the configuration: `interfaces: [eth0]`"
    );
}

#[test]
fn an_mtu_that_needs_several_buffers() {
    let jumbo = Interface { mtu: 9000, ..card() };
    assert_eq!(of(jumbo.clone(), "MTU of 9000"), error("ip link set dev eth0 mtu 3500"));
    let able = XdpFeatures(XdpFeatures::BASIC | XdpFeatures::SENDS | XdpFeatures::FRAGMENTS);
    assert_eq!(findings(&host(Interface { xdp: Some(able), ..jumbo })), []);
}

#[test]
fn another_program() {
    let with = |mode, link| {
        let program = Program { id: 12, mode, name: Some("other".into()), link };
        Interface { program: Some(program), ..card() }
    };
    let native = of(with(ProgramMode::Native, None), "another XDP program other (id 12) is attached natively");
    assert_eq!(native, error("ip link set dev eth0 xdpdrv off"));
    let generic = of(with(ProgramMode::Generic, None), "in generic mode");
    assert_eq!(generic, error("ip link set dev eth0 xdpgeneric off"));
    assert_eq!(of(with(ProgramMode::Native, Some(7)), "natively"), error("bpftool link detach id 7"));
}

#[test]
fn a_bond_is_what_its_ports_are() {
    let bond = |unable: Option<&str>, ports| Interface {
        name: "bond0".into(),
        device: Device::Bond(Bond { unable: unable.map(str::to_owned), ports }),
        driver: Some("bond".into()),
        offloads: vec![off("rx-lro")],
        ..card()
    };
    let port = || Interface { name: "eth1".into(), ..card() };
    let waiting = || Interface { state: LinkState::NoCarrier, ..port() };
    assert_eq!(findings(&host(bond(None, vec![card(), waiting()]))), [], "its own LRO is its ports'");
    let merging = Interface { offloads: vec![off("rx-lro")], ..port() };
    assert_eq!(of(bond(None, vec![card(), merging]), "LRO"), error("ethtool -K eth1 lro off"));
    let old = Interface { xdp: Some(XdpFeatures(0)), driver: Some("e1000e".into()), ..port() };
    assert_eq!(findings(&host(bond(None, vec![card(), old])))[0].interface, "eth1");
    let remedy = "write its ports in the configuration: `interfaces: [eth0, eth1]`";
    assert_eq!(of(bond(Some("mode balance-tlb"), vec![card(), port()]), "whose mode balance-tlb"), error(remedy));
    assert_eq!(
        of(Interface { state: LinkState::Down, ..bond(None, vec![]) }, "down"),
        error("ip link set dev bond0 up")
    );
    let both = Facts { interfaces: vec![bond(None, vec![card(), port()]), port()], ..host(card()) };
    assert_eq!(only(&both, "its port eth1 is in `interfaces` too").0, Severity::Error);
}

#[test]
fn a_link_that_carries_nothing() {
    let state = |state| Interface { state, ..card() };
    assert_eq!(of(state(LinkState::Down), "down"), error("ip link set dev eth0 up"));
    assert_eq!(of(state(LinkState::NoCarrier), "carrier").0, Severity::Warning);
}

#[test]
fn a_veth_whose_peer_does_not_listen() {
    let veth = Interface { device: Device::Veth, xdp: Some(XdpFeatures(XdpFeatures::BASIC)), ..card() };
    let remedy = "attach an XDP program that passes every frame to the other end, PEER: `ip link set dev PEER xdpdrv \
                  object PASS.o section xdp`";
    assert_eq!(of(veth.clone(), "its veth peer drops frames"), warning(remedy));
    let sends =
        |peer| Interface { xdp: Some(XdpFeatures(XdpFeatures::BASIC | XdpFeatures::SENDS)), peer, ..veth.clone() };
    assert_eq!(of(sends(Peer::RunsNone), "seconds late or not at all; GRO at the peer does not help"), warning(remedy));
    for peer in [Peer::RunsProgram, Peer::Unknown] {
        assert_eq!(findings(&host(sends(peer))), [], "{peer:?}");
    }
    let queues = Interface { xdp: Some(XdpFeatures(0)), ..veth };
    assert_eq!(of(queues, "fewer receive queues"), error("ethtool -L eth0 rx N, with N as the peer's tx"));
}

#[test]
fn idle_queues() {
    let queues = |used, most, setting| Interface { queues: Some(Queues { used, most, setting }), ..card() };
    let one =
        of(queues(1, 64, QueueSetting::Combined), "1 of its 64 receive queues are in use, and this host has 4 CPUs");
    assert_eq!(one, warning("ethtool -L eth0 combined 4"));
    assert_eq!(of(queues(1, 2, QueueSetting::Separate), "1 of its 2"), warning("ethtool -L eth0 rx 2"));
    assert_eq!(findings(&host(queues(2, 2, QueueSetting::Combined))), [], "all that there are");
}

#[test]
fn promiscuity() {
    let promiscuous = Interface { promiscuous: true, ..card() };
    assert_eq!(of(promiscuous, "promiscuous"), warning("ip link set dev eth0 promisc off"));
}

#[test]
fn offloads_that_merge_frames() {
    let with = |offloads| Interface { offloads, ..card() };
    assert_eq!(of(with(vec![off("rx-lro")]), "LRO"), error("ethtool -K eth0 lro off"));
    assert_eq!(of(with(vec![off("rx-gro-hw")]), "hardware GRO"), warning("ethtool -K eth0 rx-gro-hw off"));
    let both = with(vec![off("rx-gro-hw"), off("rx-lro")]);
    assert_eq!(of(both, "LRO"), error("ethtool -K eth0 lro off rx-gro-hw off"));
    let virtio = |fixed| {
        let offloads = vec![Offload { name: "rx-gro-hw".into(), fixed }];
        Interface { driver: Some("virtio_net".into()), offloads, ..card() }
    };
    assert_eq!(findings(&host(virtio(false))), [], "the driver switches it off itself");
    assert_eq!(of(virtio(true), "the hypervisor").0, Severity::Error);
}

fn vip(by: &str, hops: Hops, ours: bool) -> Routed {
    Routed { address: "192.0.2.10".parse().unwrap(), by: by.into(), hops, ours }
}

#[test]
fn a_vip_that_is_asked_for_elsewhere() {
    let with = |vip| Facts { vips: vec![vip], ..host(card()) };
    assert_eq!(findings(&with(vip("eth0", Hops::None, true))), []);
    assert_eq!(findings(&with(vip("eth9", Hops::Router, false))), [], "no subnet of this host");
    let elsewhere = with(vip("eth9", Hops::None, false));
    assert_eq!(only(&elsewhere, "the VIP 192.0.2.10 is in its subnet").0, Severity::Warning);
    assert_eq!(findings(&elsewhere)[0].interface, "eth9");
}

#[test]
fn a_reverse_path_filter_that_drops_answers() {
    let with = |filter, by: Option<&str>| {
        let toward_backends = vec![Listening { name: "eth1.5".into(), filter }];
        let routes_to_vips = vec![("192.0.2.10".parse().unwrap(), by.map(str::to_owned))];
        Facts { routes_to_vips, toward_backends, ..host(card()) }
    };
    let dropped = only(&with(SourceFilter::Strict, Some("eth0")), "whose route is by eth0 (rp_filter is strict)");
    assert_eq!(dropped, warning("sysctl -w net.ipv4.conf.eth1/5.rp_filter=2"));
    let remedy = "sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth1/5.rp_filter=0, or `ip route add \
                  192.0.2.10/32 dev eth1.5`";
    for (filter, word) in [(SourceFilter::Strict, "strict"), (SourceFilter::Loose, "loose")] {
        let part = format!("to which there is no route (rp_filter is {word})");
        assert_eq!(only(&with(filter, None), &part), warning(remedy));
    }
    for (filter, by) in [
        (SourceFilter::Strict, Some("eth1.5")),
        (SourceFilter::Loose, Some("eth0")),
        (SourceFilter::Off, Some("eth0")),
        (SourceFilter::Off, None),
    ] {
        assert_eq!(findings(&with(filter, by)), [], "{filter:?} {by:?}");
    }
}

#[test]
fn a_backend_that_no_segment_has() {
    let told = |way| {
        let backends = vec![("192.0.2.10".parse().unwrap(), way)];
        unreachable(&Facts { backends, ..host(card()) }).into_values().next().unwrap_or_default()
    };
    assert!(told(None).contains("this host has no route to 192.0.2.10"));
    assert!(told(Some(vip("eth0", Hops::Router, true))).contains("192.0.2.10 is behind a router, by eth0"));
    let routed = Facts {
        backends: vec![("192.0.2.10".parse().unwrap(), Some(vip("eth0", Hops::Router, true)))],
        routed: ["192.0.2.10".parse().unwrap()].into(),
        ..host(card())
    };
    assert!(unreachable(&routed).is_empty(), "its forward mode crosses routers");
    let elsewhere = told(Some(vip("eth9", Hops::None, false)));
    assert!(elsewhere.contains("add eth9, or its lower interface, to `interfaces`"), "{elsewhere}");
    assert_eq!(told(Some(vip("eth0", Hops::None, true))), "");
}

#[test]
fn errors_come_first() {
    let bad = Interface { promiscuous: true, offloads: vec![off("rx-lro")], ..card() };
    let severities: Vec<_> = findings(&host(bad)).iter().map(|finding| finding.severity).collect();
    assert_eq!(severities, [Severity::Error, Severity::Warning]);
}
