//! From netlink messages to [facts](super::facts). Pure; what is not of interest becomes nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage},
    route::{RouteAddress, RouteAttribute, RouteMessage},
};

use super::facts::{Confirmation, Entry, Fact, NeighbourKey, Prefix};
use crate::model::Mac;

mod bridge;
mod link;
mod route;

pub(super) use route::{Found, refused, route, source};

/// The fact that a message tells, if it tells one.
pub(super) fn fact(message: &RouteNetlinkMessage) -> Option<Fact> {
    match message {
        RouteNetlinkMessage::NewLink(link) | RouteNetlinkMessage::DelLink(link) if bridge::is_port(link) => {
            bridge::vlans(message, link)
        }
        RouteNetlinkMessage::NewLink(link) => self::link::link(link),
        RouteNetlinkMessage::DelLink(link) => Some(Fact::LinkGone(link.header.index)),
        RouteNetlinkMessage::NewNeighbour(entry) if bridge::is_forwarding(entry) => bridge::learnt(entry),
        RouteNetlinkMessage::DelNeighbour(entry) if bridge::is_forwarding(entry) => bridge::forgotten(entry),
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
        NeighbourAttribute::LinkLayerAddress(bytes) => self::mac(bytes),
        _ => None,
    });
    let state = u16::from(message.header.state);
    let confirmation = if state & (libc::NUD_PERMANENT | libc::NUD_NOARP) != 0 {
        Confirmation::Fixed
    } else if state & (libc::NUD_DELAY | libc::NUD_PROBE) != 0 {
        Confirmation::Checking
    } else if state & (libc::NUD_REACHABLE | libc::NUD_STALE) != 0 {
        Confirmation::Idle
    } else if state & libc::NUD_FAILED != 0 {
        return Entry::Failed;
    } else {
        return Entry::Unresolved;
    };
    mac.map_or(Entry::Unresolved, |mac| Entry::Resolved(mac, confirmation))
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

fn mac(bytes: &[u8]) -> Option<Mac> {
    bytes.try_into().ok().map(Mac)
}

#[cfg(test)]
mod tests;
