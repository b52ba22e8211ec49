//! Messages as the kernel sends them, and what they tell.

use netlink_packet_route::{
    link::{
        BondPortState, InfoBond, InfoBondPort, InfoBridge, InfoData, InfoKind, InfoPortData, InfoVlan, LinkAttribute,
        LinkFlags, LinkInfo, LinkLayerType, LinkMessage, VlanProtocol,
    },
    neighbour::NeighbourState,
};

use super::*;
use crate::{
    model::VlanTag,
    neighbour::facts::{Duty, Kind, Link, Vlan},
};

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 7];

fn link_message(attributes: Vec<LinkAttribute>) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = 5;
    message.header.link_layer_type = LinkLayerType::Ether;
    message.header.flags = LinkFlags::Up | LinkFlags::LowerUp | LinkFlags::Running;
    message.attributes = vec![LinkAttribute::IfName("eth0.7".into()), LinkAttribute::Mtu(1500)];
    message.attributes.push(LinkAttribute::Address(MAC.to_vec()));
    message.attributes.extend(attributes);
    message
}

fn vlan_info(data: Vec<InfoVlan>) -> LinkAttribute {
    LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Vlan), LinkInfo::Data(InfoData::Vlan(data))])
}

fn told_link(message: LinkMessage) -> Link {
    match fact(&RouteNetlinkMessage::NewLink(message)) {
        Some(Fact::Link(5, link)) => link,
        other => panic!("no link: {other:?}"),
    }
}

#[test]
fn a_link_is_told_with_its_mac_mtu_and_carrier() {
    let link = told_link(link_message(vec![]));
    let name = "eth0.7".into();
    let expected = Link {
        name,
        mac: Some(Mac(MAC)),
        mtu: 1500,
        enabled: true,
        carrier: true,
        kind: Kind::Plain,
        controller: None,
        duty: Duty::Active,
    };
    assert_eq!(link, expected);
    let mut message = link_message(vec![]);
    message.header.flags = LinkFlags::Up;
    assert_eq!(told_link(message), Link { carrier: false, ..expected });
}

#[test]
fn a_vlan_sub_interface_is_told_with_its_parent_and_tag() {
    let parts = vec![InfoVlan::Protocol(VlanProtocol::Ieee8021Ad), InfoVlan::Id(7)];
    let link = told_link(link_message(vec![LinkAttribute::Link(2), vlan_info(parts.clone())]));
    assert_eq!(link.kind, Kind::Vlan(Vlan { parent: 2, tag: VlanTag { tpid: 0x88a8, id: 7 } }));
    let old = told_link(link_message(vec![LinkAttribute::Link(2), vlan_info(vec![InfoVlan::Id(7)])]));
    assert_eq!(old.kind, Kind::Vlan(Vlan { parent: 2, tag: VlanTag { tpid: 0x8100, id: 7 } }));
    let elsewhere = vec![LinkAttribute::Link(2), vlan_info(parts), LinkAttribute::LinkNetNsId(0)];
    assert_eq!(told_link(link_message(elsewhere)).kind, Kind::Plain, "the parent is in another namespace");
}

#[test]
fn a_veth_link_index_is_no_parent() {
    let info = LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Veth)]);
    assert_eq!(told_link(link_message(vec![LinkAttribute::Link(2), info])).kind, Kind::Plain);
}

#[test]
fn a_bond_tells_its_active_slave_and_slaves_what_they_do() {
    let bond = |active| {
        let data = InfoData::Bond(vec![InfoBond::ActivePort(active)]);
        let info = LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bond), LinkInfo::Data(data)]);
        told_link(link_message(vec![info])).kind
    };
    assert_eq!(bond(7), Kind::Bond { active: Some(7) });
    assert_eq!(bond(0), Kind::Bond { active: None });
    let slave = |state| {
        let data = LinkInfo::PortData(InfoPortData::BondPort(vec![InfoBondPort::BondPortState(state)]));
        told_link(link_message(vec![LinkAttribute::Controller(9), LinkAttribute::LinkInfo(vec![data])]))
    };
    let active = slave(BondPortState::Active);
    assert_eq!((active.controller, active.duty), (Some(9), Duty::Active));
    assert_eq!(slave(BondPortState::Backup).duty, Duty::Standby);
}

#[test]
fn a_bridge_tells_whether_it_sorts_by_vlans() {
    let bridge = |filtering| {
        let protocol = InfoBridge::VlanProtocol(VlanProtocol::Ieee8021Ad);
        let data = InfoData::Bridge(vec![protocol, InfoBridge::VlanFiltering(filtering)]);
        let info = LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge), LinkInfo::Data(data)]);
        told_link(link_message(vec![info])).kind
    };
    assert_eq!(bridge(true), Kind::Bridge { filter: Some(0x88a8) });
    assert_eq!(bridge(false), Kind::Bridge { filter: None });
}

#[test]
fn a_link_that_is_gone_is_told() {
    assert_eq!(fact(&RouteNetlinkMessage::DelLink(link_message(vec![]))), Some(Fact::LinkGone(5)));
}

fn neighbour_message(state: NeighbourState) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.ifindex = 5;
    message.header.state = state;
    message.attributes = vec![
        NeighbourAttribute::Destination(NeighbourAddress::Inet(Ipv4Addr::new(10, 0, 0, 9))),
        NeighbourAttribute::LinkLayerAddress(MAC.to_vec()),
    ];
    message
}

#[test]
fn a_neighbour_is_resolved_in_the_states_that_the_kernel_sends_in() {
    let resolved = |confirmation| Entry::Resolved(Mac(MAC), confirmation);
    let cases = [
        (NeighbourState::None, Entry::Unresolved),
        (NeighbourState::Incomplete, Entry::Unresolved),
        (NeighbourState::Failed, Entry::Failed),
        (NeighbourState::Reachable, resolved(Confirmation::Idle)),
        (NeighbourState::Stale, resolved(Confirmation::Idle)),
        (NeighbourState::Delay, resolved(Confirmation::Checking)),
        (NeighbourState::Probe, resolved(Confirmation::Checking)),
        (NeighbourState::Permanent, resolved(Confirmation::Fixed)),
        (NeighbourState::Noarp, resolved(Confirmation::Fixed)),
    ];
    for (state, entry) in cases {
        let told = fact(&RouteNetlinkMessage::NewNeighbour(neighbour_message(state)));
        let key = (5, "10.0.0.9".parse().unwrap());
        assert_eq!(told, Some(Fact::Neighbour(key, entry)), "{state}");
    }
}

#[test]
fn a_neighbour_without_a_mac_or_of_another_kind_is_not_resolved() {
    let mut message = neighbour_message(NeighbourState::Reachable);
    message.attributes.truncate(1);
    assert_eq!(neighbour_entry(&message), Entry::Unresolved);
    let mut proxy = neighbour_message(NeighbourState::None);
    proxy.header.flags = NeighbourFlags::Proxy;
    assert_eq!(fact(&RouteNetlinkMessage::NewNeighbour(proxy)), None);
}

#[test]
fn a_route_event_names_its_prefix() {
    let mut message = RouteMessage::default();
    message.header.address_family = AddressFamily::Inet6;
    let default = Prefix { address: "::".parse().unwrap(), length: 0 };
    assert_eq!(fact(&RouteNetlinkMessage::DelRoute(message.clone())), Some(Fact::RouteChanged(default)));
    message.header.destination_prefix_length = 32;
    let address = "2001:db8::".parse().unwrap();
    message.attributes.push(RouteAttribute::Destination(RouteAddress::Inet6(address)));
    let prefix = Prefix { address: address.into(), length: 32 };
    assert_eq!(fact(&RouteNetlinkMessage::NewRoute(message)), Some(Fact::RouteChanged(prefix)));
}
