//! From netlink messages to [facts](super::facts). Pure; what is not of interest becomes nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    link::{InfoData, InfoKind, InfoVlan, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage},
    neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage},
    route::{RouteAddress, RouteAttribute, RouteMessage, RouteType, RouteVia},
};

use super::facts::{Entry, Fact, Link, NeighbourKey, Prefix, Route, Standing, Vlan};
use crate::model::{Mac, VlanTag};

/// The fact that a message tells, if it tells one.
pub(super) fn fact(message: &RouteNetlinkMessage) -> Option<Fact> {
    match message {
        RouteNetlinkMessage::NewLink(link) => self::link(link),
        RouteNetlinkMessage::DelLink(link) if is_link(link) => Some(Fact::LinkGone(link.header.index)),
        RouteNetlinkMessage::NewNeighbour(neighbour) => {
            Some(Fact::Neighbour(neighbour_key(neighbour)?, neighbour_entry(neighbour)))
        }
        RouteNetlinkMessage::DelNeighbour(neighbour) => Some(Fact::NeighbourGone(neighbour_key(neighbour)?)),
        RouteNetlinkMessage::NewRoute(route) | RouteNetlinkMessage::DelRoute(route) => {
            Some(Fact::RouteChanged(destination(route)?))
        }
        RouteNetlinkMessage::NewAddress(_)
        | RouteNetlinkMessage::DelAddress(_)
        | RouteNetlinkMessage::NewRule(_)
        | RouteNetlinkMessage::DelRule(_) => Some(Fact::RoutesChanged),
        _ => None,
    }
}

/// What the kernel answered to a request for the route to one address.
pub(super) fn route(answer: &RouteMessage) -> Route {
    match answer.header.kind {
        RouteType::Local => return Route::Local,
        RouteType::Unicast => {}
        _ => return Route::None,
    }
    let oif = answer.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Oif(index) => Some(*index),
        _ => None,
    });
    let gateway = answer.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Gateway(RouteAddress::Inet(address)) | RouteAttribute::Via(RouteVia::Inet(address)) => {
            Some(IpAddr::V4(*address))
        }
        RouteAttribute::Gateway(RouteAddress::Inet6(address)) | RouteAttribute::Via(RouteVia::Inet6(address)) => {
            Some(IpAddr::V6(*address))
        }
        _ => None,
    });
    oif.map_or(Route::None, |oif| Route::Out { oif, gateway })
}

/// Bridges tell of their ports by link messages of family `AF_BRIDGE`; those come and go while the link stays.
fn is_link(message: &LinkMessage) -> bool {
    message.header.interface_family == AddressFamily::Unspec
}

fn link(message: &LinkMessage) -> Option<Fact> {
    if !is_link(message) {
        return None;
    }
    let (mut name, mut mtu, mut mac) = (None, None, None);
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(text) => name = Some(text.clone()),
            LinkAttribute::Mtu(octets) => mtu = Some(*octets),
            LinkAttribute::Address(octets) => mac = self::mac(octets),
            _ => {}
        }
    }
    let enabled = message.header.flags.contains(LinkFlags::Up);
    let carrier = message.header.flags.contains(LinkFlags::LowerUp);
    let mac = mac.filter(|_| message.header.link_layer_type == LinkLayerType::Ether);
    // Messages of the wireless extensions have no MTU: they tell nothing of the link itself.
    let link = Link { name: name?, mac, mtu: mtu?, enabled, carrier, vlan: vlan(message) };
    Some(Fact::Link(message.header.index, link))
}

fn vlan(message: &LinkMessage) -> Option<Vlan> {
    let (mut parent, mut info) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::Link(index) => parent = Some(*index),
            LinkAttribute::LinkInfo(found) => info = Some(found),
            // The index below is one of another network namespace.
            LinkAttribute::LinkNetNsId(_) => return None,
            _ => {}
        }
    }
    let info = info?;
    info.contains(&LinkInfo::Kind(InfoKind::Vlan)).then_some(())?;
    let data = info.iter().find_map(|part| match part {
        LinkInfo::Data(InfoData::Vlan(data)) => Some(data),
        _ => None,
    })?;
    let id = data.iter().find_map(|part| match part {
        InfoVlan::Id(id) => Some(*id),
        _ => None,
    })?;
    let tpid = data.iter().find_map(|part| match part {
        InfoVlan::Protocol(protocol) => Some(u16::from(*protocol)),
        _ => None,
    });
    Some(Vlan { parent: parent?, tag: VlanTag { tpid: tpid.unwrap_or(TPID_8021Q), id } })
}

fn neighbour_key(message: &NeighbourMessage) -> Option<NeighbourKey> {
    if message.header.flags.contains(NeighbourFlags::Proxy) {
        return None;
    }
    let address = message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(address)) => Some(IpAddr::V4(*address)),
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(address)) => Some(IpAddr::V6(*address)),
        _ => None,
    })?;
    Some((message.header.ifindex, address))
}

fn neighbour_entry(message: &NeighbourMessage) -> Entry {
    let mac = message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::LinkLayerAddress(octets) => self::mac(octets),
        _ => None,
    });
    let state = u16::from(message.header.state);
    let standing = if state & (libc::NUD_PERMANENT | libc::NUD_NOARP) != 0 {
        Standing::Fixed
    } else if state & (libc::NUD_DELAY | libc::NUD_PROBE) != 0 {
        Standing::Checking
    } else if state & (libc::NUD_REACHABLE | libc::NUD_STALE) != 0 {
        Standing::Idle
    } else {
        return Entry::Unresolved;
    };
    mac.map_or(Entry::Unresolved, |mac| Entry::Resolved(mac, standing))
}

fn destination(message: &RouteMessage) -> Option<Prefix> {
    let default = match message.header.address_family {
        AddressFamily::Inet => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        AddressFamily::Inet6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => return None,
    };
    let address = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(RouteAddress::Inet(address)) => Some(IpAddr::V4(*address)),
        RouteAttribute::Destination(RouteAddress::Inet6(address)) => Some(IpAddr::V6(*address)),
        _ => None,
    });
    Some(Prefix { address: address.unwrap_or(default), length: message.header.destination_prefix_length })
}

fn mac(octets: &[u8]) -> Option<Mac> {
    octets.try_into().ok().map(Mac)
}

/// The kernel's default for a VLAN whose protocol it does not name (`vlan_setup`, kernels before 3.10).
const TPID_8021Q: u16 = 0x8100;

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
