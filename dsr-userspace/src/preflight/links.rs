//! The links of this host, as rtnetlink lists them, and which stands on which.

use std::collections::BTreeMap;

use netlink_packet_route::link::{
    BondMode, BondXmitHashPolicy, InfoBond, InfoData, InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
    LinkXdp, XdpAttached,
};

use super::facts::{LinkState, Peer, ProgramMode};

/// All links, by index.
#[derive(Clone, Debug, Default)]
pub(super) struct Links(pub(super) BTreeMap<u32, Link>);

/// A link.
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// Its name.
    pub(super) name: String,
    /// Its kind, where it is a virtual one.
    pub(super) kind: Option<InfoKind>,
    /// Why a bond takes no native program, if its settings are the reason.
    pub(super) bonding: Option<String>,
    /// The device that it is, as bus and name.
    pub(super) device: (Option<String>, Option<String>),
    /// Index of the link that it stands on, or that is its other end.
    pub(super) parent: Option<u32>,
    /// The network namespace of that other link, by this one's number for it, where it is another.
    pub(super) parent_namespace: Option<i32>,
    /// What is known of its other end.
    pub(super) peer: Peer,
    /// Index of the bond, bridge or other link that it is a part of.
    pub(super) controller: Option<u32>,
    /// Its MTU in bytes.
    pub(super) mtu: u32,
    /// Whether it carries frames.
    pub(super) state: LinkState,
    /// Whether somebody set it so; not where a bridge or a capture needs it.
    pub(super) promiscuous: bool,
    /// Whether it is promiscuous for any reason.
    pub(super) takes_all: bool,
    /// The XDP program that is attached, by its number.
    pub(super) program: Option<(u32, ProgramMode)>,
}

impl Links {
    /// Takes a message in.
    pub(super) fn learn(&mut self, message: &LinkMessage) {
        self.0.extend(link(message).map(|link| (message.header.index, link)));
    }

    /// The link of this name, and its index.
    pub(super) fn named(&self, name: &str) -> Option<(u32, &Link)> {
        self.0.iter().find(|(_, link)| link.name == name).map(|(index, link)| (*index, link))
    }

    /// The name of a link.
    pub(super) fn name(&self, index: u32) -> Option<&str> {
        self.0.get(&index).map(|link| link.name.as_str())
    }

    /// The parts of a bond or bridge.
    pub(super) fn parts(&self, controller: u32) -> impl Iterator<Item = (u32, &Link)> {
        let links = self.0.iter().map(|(index, link)| (*index, link));
        links.filter(move |(_, link)| link.controller == Some(controller))
    }

    /// Whether frames of `above` can leave by `below`: it is the same, or a VLAN, bond or bridge on top of it.
    pub(super) fn stands_on(&self, above: u32, below: u32) -> bool {
        self.stands_within(above, below, MAX_NESTING)
    }

    fn stands_within(&self, above: u32, below: u32, depth: usize) -> bool {
        if above == below {
            return true;
        }
        let Some(link) = self.0.get(&above).filter(|_| depth > 0) else { return false };
        match link.kind {
            Some(InfoKind::Vlan) => link.parent.is_some_and(|parent| self.stands_within(parent, below, depth - 1)),
            Some(InfoKind::Bond | InfoKind::Bridge) => {
                self.parts(above).any(|(part, _)| self.stands_within(part, below, depth - 1))
            }
            _ => false,
        }
    }
}

pub(super) fn link(message: &LinkMessage) -> Option<Link> {
    let flags = message.header.flags;
    let state = match (flags.contains(LinkFlags::Up), flags.contains(LinkFlags::LowerUp)) {
        (false, _) => LinkState::Down,
        (true, false) => LinkState::NoCarrier,
        (true, true) => LinkState::Up,
    };
    let mut link = Link {
        name: String::new(),
        kind: None,
        bonding: None,
        device: (None, None),
        parent: None,
        parent_namespace: None,
        peer: Peer::Unknown,
        controller: None,
        mtu: 0,
        state,
        promiscuous: flags.contains(LinkFlags::Promisc),
        takes_all: false,
        program: None,
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
            LinkAttribute::Promiscuity(reasons) => link.takes_all = *reasons > 0,
            LinkAttribute::Link(index) => link.parent = Some(*index),
            LinkAttribute::LinkNetNsId(id) => link.parent_namespace = Some(*id),
            LinkAttribute::Controller(index) => link.controller = Some(*index),
            LinkAttribute::ParentDevBusName(bus) => link.device.0 = Some(bus.clone()),
            LinkAttribute::ParentDevName(name) => link.device.1 = Some(name.clone()),
            LinkAttribute::LinkInfo(infos) => (link.kind, link.bonding) = (kind(infos), bonding(infos)),
            LinkAttribute::Xdp(parts) => link.program = program(parts),
            _ => {}
        }
    }
    (!link.name.is_empty()).then_some(link)
}

fn kind(infos: &[LinkInfo]) -> Option<InfoKind> {
    infos.iter().find_map(|info| match info {
        LinkInfo::Kind(kind) => Some(kind.clone()),
        _ => None,
    })
}

/// The setting of a bond with which it has no native XDP (`bond_xdp_check`).
fn bonding(infos: &[LinkInfo]) -> Option<String> {
    let parts = infos.iter().find_map(|info| match info {
        LinkInfo::Data(InfoData::Bond(parts)) => Some(parts),
        _ => None,
    })?;
    let by_vlan = parts.contains(&InfoBond::XmitHashPolicy(BondXmitHashPolicy::VlanSrcMac));
    parts.iter().find_map(|part| match part {
        InfoBond::Mode(BondMode::BalanceRr | BondMode::ActiveBackup) => None,
        InfoBond::Mode(BondMode::BalanceXor | BondMode::Ieee8023Ad) if !by_vlan => None,
        InfoBond::Mode(BondMode::BalanceXor | BondMode::Ieee8023Ad) => Some("xmit_hash_policy vlan+srcmac".to_owned()),
        InfoBond::Mode(mode) => Some(format!("mode {mode}")),
        _ => None,
    })
}

/// Where several are attached, the driver's comes first: it sees the frames first.
fn program(parts: &[LinkXdp]) -> Option<(u32, ProgramMode)> {
    let find = |wanted: fn(&LinkXdp) -> Option<u32>| parts.iter().find_map(wanted);
    let native = find(|part| if let LinkXdp::DrvProgId(id) = part { Some(*id) } else { None });
    let generic = find(|part| if let LinkXdp::SkbProgId(id) = part { Some(*id) } else { None });
    let offloaded = find(|part| if let LinkXdp::HwProgId(id) = part { Some(*id) } else { None });
    let one = find(|part| if let LinkXdp::ProgId(id) = part { Some(*id) } else { None });
    let attached = parts.iter().find_map(|part| match part {
        LinkXdp::Attached(attached) => Some(*attached),
        _ => None,
    })?;
    let found = match attached {
        XdpAttached::Driver => (native.or(one), ProgramMode::Native),
        XdpAttached::SocketBuffer => (generic.or(one), ProgramMode::Generic),
        XdpAttached::Hardware => (offloaded.or(one), ProgramMode::Offloaded),
        _ if native.is_some() => (native, ProgramMode::Native),
        _ => (generic, ProgramMode::Generic),
    };
    Some((found.0?, found.1))
}

/// How deep devices can be stacked: the kernel's `MAX_NEST_DEV`.
const MAX_NESTING: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attached_program_is_read_with_its_mode() {
        let attached = |attached, id| program(&[LinkXdp::Attached(attached), id]);
        assert_eq!(attached(XdpAttached::None, LinkXdp::ProgId(0)), None);
        assert_eq!(attached(XdpAttached::Driver, LinkXdp::ProgId(5)), Some((5, ProgramMode::Native)));
        assert_eq!(attached(XdpAttached::SocketBuffer, LinkXdp::SkbProgId(5)), Some((5, ProgramMode::Generic)));
        let several = [LinkXdp::Attached(XdpAttached::Multiple), LinkXdp::SkbProgId(5), LinkXdp::DrvProgId(6)];
        assert_eq!(program(&several), Some((6, ProgramMode::Native)));
    }

    #[test]
    fn links_stand_on_each_other() {
        let mut links = Links::default();
        let mut add = |index, name: &str, attributes: Vec<LinkAttribute>| {
            let mut message = LinkMessage::default();
            message.header.index = index;
            message.attributes = vec![LinkAttribute::IfName(name.into())];
            message.attributes.extend(attributes);
            links.learn(&message);
        };
        let kind = |kind| LinkAttribute::LinkInfo(vec![LinkInfo::Kind(kind)]);
        add(2, "eth0", vec![LinkAttribute::Controller(4)]);
        add(3, "veth0", vec![LinkAttribute::Link(2), kind(InfoKind::Veth)]);
        add(4, "br0", vec![kind(InfoKind::Bridge)]);
        add(5, "br0.7", vec![LinkAttribute::Link(4), kind(InfoKind::Vlan)]);
        for (above, stands) in [(2, true), (3, false), (4, true), (5, true), (6, false)] {
            assert_eq!(links.stands_on(above, 2), stands, "{above}");
        }
        assert!(!links.stands_on(2, 5));
    }
}
