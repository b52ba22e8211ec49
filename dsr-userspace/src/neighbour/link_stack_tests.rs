//! Bonds and bridges: which interface a frame leaves by, and with which tags.

use super::*;
use crate::neighbour::facts::Vlan;

const ETH0: u32 = 2;
const ETH1: u32 = 3;
const ABOVE: u32 = 4;
const ON_TOP: u32 = 5;

const BACKEND: Mac = Mac([2, 0, 0, 0, 0, 9]);
const ADDRESS: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 9));
const TPID: u16 = 0x8100;

fn link(name: &str, index: u32, kind: Kind, controller: Option<u32>) -> Link {
    let mac = Some(Mac([2, 0, 0, 0, 1, index as u8]));
    let name = name.into();
    Link { name, mac, mtu: 1500, enabled: true, carrier: true, kind, controller, duty: Duty::Active }
}

/// eth0 and eth1 are parts of a bond or bridge, on which stands a VLAN.
fn link_stack(interfaces: &[&str], kind: Kind) -> LinkStack {
    let mut link_stack = LinkStack::new(interfaces.iter().map(|name| (*name).to_owned()).collect());
    let vlan = Kind::Vlan(Vlan { parent: ABOVE, tag: VlanTag { tpid: TPID, id: 10 } });
    link_stack.links.insert(ETH0, link("eth0", ETH0, Kind::Plain, Some(ABOVE)));
    link_stack.links.insert(ETH1, link("eth1", ETH1, Kind::Plain, Some(ABOVE)));
    link_stack.links.insert(ABOVE, link("above", ABOVE, kind, None));
    link_stack.links.insert(ON_TOP, link("above.10", ON_TOP, vlan, None));
    link_stack
}

fn egress_port(link_stack: &LinkStack, from: u32) -> Result<EgressPort, NoHop> {
    link_stack.egress_port(from, Some(BACKEND), NoHop::NoNeighbour(ADDRESS))
}

fn untagged(ifindex: u32) -> EgressPort {
    EgressPort { ifindex, tags: vec![] }
}

fn tagged(ifindex: u32, id: u16) -> EgressPort {
    EgressPort { ifindex, tags: vec![VlanTag { tpid: TPID, id }] }
}

#[test]
fn a_bond_that_is_an_interface_itself_needs_no_slave() {
    let link_stack = link_stack(&["above"], Kind::Bond { active: Some(ETH1) });
    assert_eq!(egress_port(&link_stack, ABOVE), Ok(untagged(ABOVE)));
    assert_eq!(egress_port(&link_stack, ON_TOP), Ok(tagged(ABOVE, 10)));
}

#[test]
fn the_ports_of_a_bond_that_is_an_interface_are_known() {
    let port = |name: &str| BondPort { name: name.into(), bond: "above".into() };
    let mut bond = link_stack(&["above"], Kind::Bond { active: Some(ETH1) });
    assert_eq!(bond.ports(), BTreeMap::from([(ETH0, port("eth0")), (ETH1, port("eth1"))]));
    bond.links.get_mut(&ETH0).unwrap().controller = None;
    assert_eq!(bond.ports(), BTreeMap::from([(ETH1, port("eth1"))]), "one that left it");
    assert!(link_stack(&["eth0", "eth1"], Kind::Bond { active: None }).ports().is_empty(), "the ports are interfaces");
    assert!(link_stack(&["above"], Kind::Bridge { filter: None }).ports().is_empty(), "no program runs for a bridge's");
}

#[test]
fn a_bond_sends_by_its_active_slave() {
    let bond = link_stack(&["eth0", "eth1"], Kind::Bond { active: Some(ETH1) });
    assert_eq!(egress_port(&bond, ABOVE), Ok(untagged(ETH1)));
    assert_eq!(egress_port(&bond, ON_TOP), Ok(tagged(ETH1, 10)));
    let only = link_stack(&["eth0"], Kind::Bond { active: Some(ETH1) });
    assert!(only.lead_outside(ABOVE));
    assert_eq!(egress_port(&only, ABOVE), Err(NoHop::OtherInterface("eth1".into())));
}

#[test]
fn a_bond_without_one_active_slave_sends_by_one_that_carries_frames() {
    let mut bond = link_stack(&["eth0", "eth1"], Kind::Bond { active: None });
    assert_eq!(egress_port(&bond, ABOVE), Ok(untagged(ETH0)));
    bond.links.get_mut(&ETH0).unwrap().duty = Duty::Standby;
    assert_eq!(egress_port(&bond, ABOVE), Ok(untagged(ETH1)));
    bond.links.get_mut(&ETH1).unwrap().carrier = false;
    assert_eq!(egress_port(&bond, ABOVE), Err(NoHop::InterfaceDown("above".into())));
    let second = link_stack(&["eth1"], Kind::Bond { active: None });
    assert_eq!(egress_port(&second, ABOVE), Ok(untagged(ETH1)), "one that is an interface comes first");
}

#[test]
fn a_bridge_sends_by_the_port_that_it_has_learnt() {
    let mut bridge = link_stack(&["eth0", "eth1"], Kind::Bridge { filter: None });
    assert_eq!(egress_port(&bridge, ABOVE), Err(NoHop::NoPort("above".into())));
    let unasked = bridge.egress_port(ABOVE, None, NoHop::NoNeighbour(ADDRESS));
    assert_eq!(unasked, Err(NoHop::NoNeighbour(ADDRESS)), "without a MAC there is nothing to look for");
    let key = ForwardingKey { bridge: ABOVE, mac: BACKEND, vlan: 0 };
    bridge.forwarding.found(key, ETH1);
    assert_eq!(egress_port(&bridge, ABOVE), Ok(untagged(ETH1)));
    assert_eq!(egress_port(&bridge, ON_TOP), Ok(tagged(ETH1, 10)), "a bridge that does not filter leaves tags alone");
    bridge.remove(ETH1);
    assert_eq!(egress_port(&bridge, ABOVE), Err(NoHop::NoPort("above".into())));
}

#[test]
fn a_port_that_is_no_interface_is_named() {
    let mut bridge = link_stack(&["eth0"], Kind::Bridge { filter: None });
    bridge.forwarding.found(ForwardingKey { bridge: ABOVE, mac: BACKEND, vlan: 0 }, ETH1);
    assert_eq!(egress_port(&bridge, ABOVE), Err(NoHop::OtherInterface("eth1".into())));
    assert!(!link_stack(&["eth7"], Kind::Bridge { filter: None }).lead_outside(ON_TOP));
}

#[test]
fn a_bridge_that_filters_sends_by_vlan_and_tags_as_the_port_wants() {
    let mut bridge = link_stack(&["eth0", "eth1"], Kind::Bridge { filter: Some(TPID) });
    bridge.forwarding.found(ForwardingKey { bridge: ABOVE, mac: BACKEND, vlan: 1 }, ETH0);
    bridge.forwarding.found(ForwardingKey { bridge: ABOVE, mac: BACKEND, vlan: 10 }, ETH1);
    assert_eq!(egress_port(&bridge, ABOVE), Err(NoHop::OutsideVlan("above".into())), "the bridge itself is in no VLAN");

    let own = PortVlan { id: 1, own: true, untagged: true };
    let other = |untagged| PortVlan { id: 10, own: false, untagged };
    bridge.vlans.insert(ABOVE, vec![own, other(false)]);
    assert_eq!(egress_port(&bridge, ABOVE), Err(NoHop::OutsideVlan("eth0".into())));
    bridge.vlans.insert(ETH0, vec![own]);
    bridge.vlans.insert(ETH1, vec![other(false)]);
    assert_eq!(egress_port(&bridge, ABOVE), Ok(untagged(ETH0)));
    assert_eq!(egress_port(&bridge, ON_TOP), Ok(tagged(ETH1, 10)));
    bridge.vlans.insert(ETH1, vec![other(true)]);
    assert_eq!(egress_port(&bridge, ON_TOP), Ok(untagged(ETH1)), "an access port takes the tag off");
    bridge.vlans.insert(ETH0, vec![PortVlan { untagged: false, ..own }]);
    assert_eq!(egress_port(&bridge, ABOVE), Ok(tagged(ETH0, 1)), "and a trunk puts one on");
}

#[test]
fn a_bridge_port_that_is_a_bond_resolves_on() {
    const BRIDGE: u32 = 6;
    let mut stacked = link_stack(&["eth0", "eth1"], Kind::Bond { active: Some(ETH0) });
    stacked.links.insert(BRIDGE, link("br0", BRIDGE, Kind::Bridge { filter: None }, None));
    stacked.links.get_mut(&ABOVE).unwrap().controller = Some(BRIDGE);
    stacked.forwarding.found(ForwardingKey { bridge: BRIDGE, mac: BACKEND, vlan: 0 }, ABOVE);
    assert_eq!(egress_port(&stacked, BRIDGE), Ok(untagged(ETH0)));
    let known_as = stacked.interfaces()["eth0"].mac;
    assert_eq!(Some(known_as), stacked.links[&BRIDGE].mac, "hosts know the bridge's MAC");
}

#[test]
fn an_interface_is_known_by_the_mac_of_its_bond_or_bridge_only() {
    for (kind, known_by) in [(Kind::Bridge { filter: None }, ABOVE), (Kind::Plain, ETH0)] {
        let link_stack = link_stack(&["eth0"], kind);
        assert_eq!(Some(link_stack.interfaces()["eth0"].mac), link_stack.links[&known_by].mac, "{kind:?}");
    }
}

#[test]
fn all_exits_are_found_without_a_destination() {
    let bridge = link_stack(&["eth0", "eth1"], Kind::Bridge { filter: None });
    assert_eq!(bridge.egress_ports(ON_TOP), [tagged(ETH0, 10), tagged(ETH1, 10)]);
    assert_eq!(link_stack(&["eth1"], Kind::Bond { active: Some(ETH0) }).egress_ports(ABOVE), [untagged(ETH1)]);
    assert_eq!(link_stack(&["above"], Kind::Bond { active: Some(ETH0) }).egress_ports(ON_TOP), [tagged(ABOVE, 10)]);
    assert_eq!(link_stack(&["eth7"], Kind::Bridge { filter: None }).egress_ports(ON_TOP), []);

    let mut filtering = link_stack(&["eth0", "eth1"], Kind::Bridge { filter: Some(TPID) });
    assert_eq!(filtering.egress_ports(ABOVE), [], "the bridge itself is in no VLAN");
    let own = PortVlan { id: 1, own: true, untagged: true };
    let other = PortVlan { id: 10, own: false, untagged: false };
    filtering.vlans.insert(ABOVE, vec![own, other]);
    filtering.vlans.insert(ETH0, vec![own]);
    filtering.vlans.insert(ETH1, vec![PortVlan { untagged: false, ..own }, other]);
    assert_eq!(filtering.egress_ports(ABOVE), [untagged(ETH0), tagged(ETH1, 1)]);
    assert_eq!(filtering.egress_ports(ON_TOP), [tagged(ETH1, 10)]);
}

#[test]
fn the_host_is_in_the_vlans_of_its_sub_interfaces_that_are_up() {
    use dsr_common::vlan::Vlan as Number;

    const INNER: u32 = 6;
    let mut link_stack = link_stack(&["above"], Kind::Bond { active: None });
    let inner = Kind::Vlan(Vlan { parent: ON_TOP, tag: VlanTag { tpid: TPID, id: 20 } });
    link_stack.links.insert(INNER, link("above.10.20", INNER, inner, None));
    let numbers = [Number::of(10, 0), Number::of(10, 20)];
    assert_eq!(vlans(&link_stack.vlan_tags()), BTreeMap::from([(ABOVE, BTreeSet::from(numbers))]));
    link_stack.links.get_mut(&INNER).unwrap().enabled = false;
    assert_eq!(vlans(&link_stack.vlan_tags()), BTreeMap::from([(ABOVE, BTreeSet::from([numbers[0]]))]));
    link_stack.remove(ON_TOP);
    assert_eq!(vlans(&link_stack.vlan_tags()), BTreeMap::new());
}

#[test]
fn the_host_is_in_the_vlans_of_its_own_bridge_and_not_of_all_that_passes_it() {
    use dsr_common::vlan::Vlan as Number;

    let mut link_stack = link_stack(&["eth0", "eth1"], Kind::Bridge { filter: Some(TPID) });
    link_stack.remove(ON_TOP);
    let member = |id, own, untagged| PortVlan { id, own, untagged };
    link_stack.vlans.insert(ABOVE, vec![member(10, true, true)]);
    link_stack.vlans.insert(ETH0, vec![member(10, false, false), member(30, false, false)]);
    link_stack.vlans.insert(ETH1, vec![member(10, true, true)]);
    assert_eq!(vlans(&link_stack.vlan_tags()), BTreeMap::from([(ETH0, BTreeSet::from([Number::of(10, 0)]))]));
}
