//! What bridges tell: their forwarding tables as neighbours, and the VLANs of their ports as links, of family `AF_BRIDGE`.

use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    link::{AfSpecBridge, BridgeFlag, BridgeVlanInfoFlags, LinkAttribute, LinkMessage},
    neighbour::{NeighbourAttribute, NeighbourMessage},
};

use super::mac;
use crate::neighbour::facts::{Fact, ForwardingKey, PortVlan};

/// Whether a message is of a link as a bridge sees it. Those come and go while the link itself stays.
pub(super) fn is_port(message: &LinkMessage) -> bool {
    message.header.interface_family == AddressFamily::Bridge
}

/// The VLANs that a bridge lets through a port, or through its own interface. The kernel leaves them out where there
/// are none (`br_fill_ifinfo`).
pub(super) fn vlans(message: &RouteNetlinkMessage, port: &LinkMessage) -> Option<Fact> {
    let gone = matches!(message, RouteNetlinkMessage::DelLink(_));
    let parts = port.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::AfSpecBridge(parts) if !gone => Some(parts),
        _ => None,
    });
    // What a network card says of a switch of its own (`ndo_dflt_bridge_getlink`).
    if parts.is_some_and(|parts| parts.contains(&AfSpecBridge::Flags(BridgeFlag::LowerDev))) {
        return None;
    }
    let mut vlans = Vec::new();
    let mut begin = None;
    for part in parts.into_iter().flatten() {
        let AfSpecBridge::VlanInfo(info) = part else { continue };
        if info.flags.contains(BridgeVlanInfoFlags::RangeBegin) {
            begin = Some(info.vid);
            continue;
        }
        let ids = begin.take().unwrap_or(info.vid)..=info.vid;
        let own = info.flags.contains(BridgeVlanInfoFlags::Pvid);
        let untagged = info.flags.contains(BridgeVlanInfoFlags::Untagged);
        vlans.extend(ids.map(|id| PortVlan { id, own, untagged }));
    }
    Some(Fact::PortVlans(port.header.index, vlans))
}

/// Whether a message is of a forwarding table, a bridge's or a device's own.
pub(super) fn is_forwarding(message: &NeighbourMessage) -> bool {
    message.header.family == AddressFamily::Bridge
}

/// A MAC that a bridge has found behind a port, or was told is there.
pub(super) fn learnt(message: &NeighbourMessage) -> Option<Fact> {
    // Permanent entries are the bridge's own MACs.
    if u16::from(message.header.state) & libc::NUD_PERMANENT != 0 {
        return None;
    }
    Some(Fact::Forwarding(key(message)?, message.header.ifindex))
}

/// A MAC that a bridge has forgotten.
pub(super) fn forgotten(message: &NeighbourMessage) -> Option<Fact> {
    Some(Fact::ForwardingGone(key(message)?))
}

/// Entries without a controller are of a device's own filter.
fn key(message: &NeighbourMessage) -> Option<ForwardingKey> {
    let (mut bridge, mut mac, mut vlan) = (None, None, 0);
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::Controller(index) => bridge = Some(*index),
            NeighbourAttribute::LinkLayerAddress(bytes) => mac = self::mac(bytes),
            NeighbourAttribute::Vlan(id) => vlan = *id,
            _ => {}
        }
    }
    Some(ForwardingKey { bridge: bridge?, mac: mac?, vlan })
}

#[cfg(test)]
mod tests {
    use netlink_packet_route::{link::BridgeVlanInfo, neighbour::NeighbourState};

    use super::{super::fact, *};
    use crate::model::Mac;

    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 7];

    fn entry(state: NeighbourState, attributes: &[NeighbourAttribute]) -> NeighbourMessage {
        let mut message = NeighbourMessage::default();
        (message.header.family, message.header.ifindex) = (AddressFamily::Bridge, 5);
        message.header.state = state;
        message.attributes = vec![NeighbourAttribute::LinkLayerAddress(MAC.to_vec())];
        message.attributes.extend_from_slice(attributes);
        message
    }

    #[test]
    fn a_forwarding_table_tells_the_port_of_a_mac() {
        let key = |vlan| ForwardingKey { bridge: 9, mac: Mac(MAC), vlan };
        let bridge = NeighbourAttribute::Controller(9);
        for state in [NeighbourState::Reachable, NeighbourState::Stale, NeighbourState::Noarp] {
            let message = entry(state, std::slice::from_ref(&bridge));
            let told = fact(&RouteNetlinkMessage::NewNeighbour(message.clone()));
            assert_eq!(told, Some(Fact::Forwarding(key(0), 5)), "{state:?}");
            assert_eq!(fact(&RouteNetlinkMessage::DelNeighbour(message)), Some(Fact::ForwardingGone(key(0))));
        }
        let tagged = entry(NeighbourState::Reachable, &[bridge.clone(), NeighbourAttribute::Vlan(7)]);
        assert_eq!(fact(&RouteNetlinkMessage::NewNeighbour(tagged)), Some(Fact::Forwarding(key(7), 5)));
        let own = entry(NeighbourState::Permanent, &[bridge]);
        assert_eq!(fact(&RouteNetlinkMessage::NewNeighbour(own)), None, "the bridge's own MAC");
        let device = entry(NeighbourState::Noarp, &[]);
        assert_eq!(fact(&RouteNetlinkMessage::NewNeighbour(device)), None, "a device's own filter");
    }

    #[test]
    fn a_port_tells_its_vlans_and_ranges_of_them() {
        let info = |flags, vid| AfSpecBridge::VlanInfo(BridgeVlanInfo { flags, vid });
        let mut message = LinkMessage::default();
        (message.header.interface_family, message.header.index) = (AddressFamily::Bridge, 5);
        message.attributes = vec![LinkAttribute::AfSpecBridge(vec![
            info(BridgeVlanInfoFlags::Pvid | BridgeVlanInfoFlags::Untagged, 1),
            info(BridgeVlanInfoFlags::RangeBegin, 10),
            info(BridgeVlanInfoFlags::RangeEnd, 12),
        ])];
        let tagged = |id| PortVlan { id, own: false, untagged: false };
        let expected = vec![PortVlan { id: 1, own: true, untagged: true }, tagged(10), tagged(11), tagged(12)];
        let told = fact(&RouteNetlinkMessage::NewLink(message.clone()));
        assert_eq!(told, Some(Fact::PortVlans(5, expected)));
        let gone = Some(Fact::PortVlans(5, vec![]));
        assert_eq!(fact(&RouteNetlinkMessage::DelLink(message.clone())), gone, "no port any more");
        let mut card = message.clone();
        card.attributes = vec![LinkAttribute::AfSpecBridge(vec![AfSpecBridge::Flags(BridgeFlag::LowerDev)])];
        assert_eq!(fact(&RouteNetlinkMessage::NewLink(card)), None, "not the bridge speaks");
        message.attributes.clear();
        assert_eq!(fact(&RouteNetlinkMessage::NewLink(message)), gone);
    }
}
