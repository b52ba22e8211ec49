//! Links: what they are called, and what they stand on.

use netlink_packet_route::link::{
    BondPortState, InfoBond, InfoBondPort, InfoBridge, InfoData, InfoPortData, InfoVlan, LinkAttribute, LinkFlags,
    LinkInfo, LinkLayerType, LinkMessage,
};

use super::mac;
use crate::{
    model::VlanTag,
    neighbour::facts::{Duty, Fact, Kind, Link, Vlan},
};

/// The link that a message tells of.
pub(super) fn link(message: &LinkMessage) -> Option<Fact> {
    let (mut name, mut mtu, mut mac, mut controller) = (None, None, None, None);
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(text) => name = Some(text.clone()),
            LinkAttribute::Mtu(bytes) => mtu = Some(*bytes),
            LinkAttribute::Address(bytes) => mac = self::mac(bytes),
            LinkAttribute::Controller(index) => controller = Some(*index),
            _ => {}
        }
    }
    let link = Link {
        name: name?,
        mac: mac.filter(|_| message.header.link_layer_type == LinkLayerType::Ether),
        // Messages of the wireless extensions have no MTU: they tell nothing of the link itself.
        mtu: mtu?,
        enabled: message.header.flags.contains(LinkFlags::Up),
        carrier: message.header.flags.contains(LinkFlags::LowerUp),
        kind: kind(message),
        controller,
        duty: duty(message),
    };
    Some(Fact::Link(message.header.index, link))
}

fn kind(message: &LinkMessage) -> Kind {
    let data = infos(message).find_map(|part| match part {
        LinkInfo::Data(data) => Some(data),
        _ => None,
    });
    match data {
        Some(InfoData::Vlan(data)) => vlan(message, data).map_or(Kind::Plain, Kind::Vlan),
        Some(InfoData::Bond(data)) => Kind::Bond { active: active(data) },
        Some(InfoData::Bridge(data)) => Kind::Bridge { filter: filter(data) },
        _ => Kind::Plain,
    }
}

fn vlan(message: &LinkMessage, data: &[InfoVlan]) -> Option<Vlan> {
    // The index below is one of another network namespace.
    if message.attributes.iter().any(|attribute| matches!(attribute, LinkAttribute::LinkNetNsId(_))) {
        return None;
    }
    let parent = message.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Link(index) => Some(*index),
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
    Some(Vlan { parent, tag: VlanTag { tpid: tpid.unwrap_or(TPID_8021Q), id } })
}

/// The slave that all frames go by. Bonds of the other modes than active-backup and the adaptive ones have none.
fn active(data: &[InfoBond]) -> Option<u32> {
    data.iter().find_map(|part| match part {
        InfoBond::ActivePort(index) => Some(*index).filter(|index| *index != 0),
        _ => None,
    })
}

/// The protocol of the tags that a bridge sorts frames by, if it does.
fn filter(data: &[InfoBridge]) -> Option<u16> {
    data.contains(&InfoBridge::VlanFiltering(true)).then_some(())?;
    let tpid = data.iter().find_map(|part| match part {
        InfoBridge::VlanProtocol(protocol) => Some(u16::from(*protocol)),
        _ => None,
    });
    Some(tpid.unwrap_or(TPID_8021Q))
}

fn duty(message: &LinkMessage) -> Duty {
    let standby = infos(message).any(|part| match part {
        LinkInfo::PortData(InfoPortData::BondPort(parts)) => {
            parts.contains(&InfoBondPort::BondPortState(BondPortState::Backup))
        }
        _ => false,
    });
    if standby { Duty::Standby } else { Duty::Active }
}

fn infos(message: &LinkMessage) -> impl Iterator<Item = &LinkInfo> {
    let infos = message.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::LinkInfo(infos) => Some(infos),
        _ => None,
    });
    infos.into_iter().flatten()
}

/// The kernel's default for a VLAN whose protocol it does not name (`vlan_setup`, kernels before 3.10).
const TPID_8021Q: u16 = 0x8100;
