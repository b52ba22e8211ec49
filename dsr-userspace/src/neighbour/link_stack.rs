//! The links of this host and what they stand on: by which of the configuration's interfaces a frame leaves. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    facts::{Duty, ForwardingKey, Kind, Link, PortVlan},
    forwarding::Forwarding,
};
use crate::model::{BondPort, InterfaceState, Mac, NoHop, VlanTag};

mod egress_ports;
mod tagged;

pub(super) use tagged::vlans;

/// Links, and the tables of the bridges among them.
#[derive(Debug, Default)]
pub(super) struct LinkStack {
    interfaces: BTreeSet<String>,
    /// By index.
    pub(super) links: BTreeMap<u32, Link>,
    /// The ports behind which the bridges have found MACs.
    pub(super) forwarding: Forwarding,
    /// What the bridges let through their ports, by the port's index.
    pub(super) vlans: BTreeMap<u32, Vec<PortVlan>>,
}

/// How frames leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressPort {
    /// Index of one of the configuration's interfaces.
    pub ifindex: u32,
    /// The tags that they have there, outermost first.
    pub tags: Vec<VlanTag>,
}

impl LinkStack {
    /// No links yet; `interfaces` are the names in the configuration.
    pub(super) fn new(interfaces: Vec<String>) -> Self {
        let interfaces = interfaces.into_iter().collect();
        Self { interfaces, links: BTreeMap::new(), forwarding: Forwarding::default(), vlans: BTreeMap::new() }
    }

    /// Takes other names of the configuration's interfaces; says whether they are others.
    pub(super) fn set_interfaces(&mut self, interfaces: &BTreeSet<String>) -> bool {
        let are_others = self.interfaces != *interfaces;
        if are_others {
            self.interfaces.clone_from(interfaces);
        }
        are_others
    }

    /// Forgets everything but which interfaces are meant. Ports of bridges are lost like any others.
    pub(super) fn forget(&mut self) {
        self.links.clear();
        self.forwarding.forget();
        self.vlans.clear();
    }

    /// Forgets a link.
    pub(super) fn remove(&mut self, index: u32) {
        self.links.remove(&index);
        self.vlans.remove(&index);
        self.forwarding.remove(index);
    }

    /// The configuration's interfaces that are there.
    pub(super) fn interfaces(&self) -> BTreeMap<String, InterfaceState> {
        let configured = self.links.iter().filter(|(_, link)| self.interfaces.contains(&link.name));
        let state = |(&ifindex, link): (&u32, &Link)| {
            let state = InterfaceState { ifindex, mac: self.known_as(link)?, mtu: link.mtu, up: link.is_up() };
            Some((link.name.clone(), state))
        };
        configured.filter_map(state).collect()
    }

    /// The ports of those that are bonds, by index.
    pub(super) fn ports(&self) -> BTreeMap<u32, BondPort> {
        let bonds =
            self.links.iter().filter(|(_, link)| matches!(link.kind, Kind::Bond { .. }) && self.is_interface(link));
        let ports = bonds.flat_map(|(index, bond)| self.parts(*index).map(move |(index, port)| (index, port, bond)));
        ports
            .filter(|(_, port, _)| !self.is_interface(port))
            .map(|(index, port, bond)| (index, BondPort { name: port.name.clone(), bond: bond.name.clone() }))
            .collect()
    }

    /// Whether frames for a link can leave by one of the configuration's interfaces at all.
    pub(super) fn lead_outside(&self, from: u32) -> bool {
        self.some_lead_outside(from, MAX_NESTING)
    }

    fn some_lead_outside(&self, index: u32, depth: usize) -> bool {
        let Some(link) = self.links.get(&index).filter(|_| depth > 0) else { return false };
        if self.is_interface(link) {
            return true;
        }
        match link.kind {
            Kind::Plain => false,
            Kind::Vlan(vlan) => self.some_lead_outside(vlan.parent, depth - 1),
            Kind::Bond { .. } | Kind::Bridge { .. } => {
                self.parts(index).any(|(part, _)| self.some_lead_outside(part, depth - 1))
            }
        }
    }

    /// Follows frames from a link down to an interface. A bridge sends them by their destination: where there is one
    /// on the way, that has to be known.
    pub(super) fn egress_port(&self, from: u32, destination: Option<Mac>, unknown: NoHop) -> Result<EgressPort, NoHop> {
        let mut tags = Vec::new();
        let mut index = from;
        for _ in 0..MAX_NESTING {
            let Some(link) = self.links.get(&index) else { break };
            if self.is_interface(link) {
                tags.reverse();
                return Ok(EgressPort { ifindex: index, tags });
            }
            index = match link.kind {
                Kind::Plain => return Err(NoHop::OtherInterface(link.name.clone())),
                Kind::Vlan(vlan) => {
                    tags.push(vlan.tag);
                    vlan.parent
                }
                Kind::Bond { active } => self.slave(index, active).ok_or(NoHop::InterfaceDown(link.name.clone()))?,
                Kind::Bridge { filter } => {
                    let Some(destination) = destination else { return Err(unknown) };
                    self.port(index, destination, filter, &mut tags)?
                }
            };
        }
        Err(NoHop::OtherInterface(self.name(from)))
    }

    /// The slave that a bond sends by: the one that it says, or the first that carries frames.
    fn slave(&self, bond: u32, active: Option<u32>) -> Option<u32> {
        let carries = |(_, link): &(u32, &Link)| link.duty == Duty::Active && link.is_up();
        let first = || self.parts(bond).filter(carries).map(|(index, _)| index);
        let ours = |index: &u32| self.links.get(index).is_some_and(|link| self.is_interface(link));
        active.or_else(|| first().find(ours)).or_else(|| first().next())
    }

    /// The port that a bridge sends by. `tags` has the outermost tag last, and becomes what they are on the port.
    fn port(&self, bridge: u32, mac: Mac, filter: Option<u16>, tags: &mut Vec<VlanTag>) -> Result<u32, NoHop> {
        let name = || self.name(bridge);
        let vlan = match filter {
            None => 0,
            Some(tpid) => self.enter(bridge, tpid, tags).ok_or_else(|| NoHop::OutsideVlan(name()))?,
        };
        let key = ForwardingKey { bridge, mac, vlan };
        // One that has left the bridge meanwhile does not count.
        let lost = || self.forwarding.lost_port(&key).filter(|port| self.is_part(*port, bridge));
        let port = self.forwarding.port(&key).or_else(lost).ok_or_else(|| NoHop::NoPort(name()))?;
        if let Some(tpid) = filter {
            let member = self.members(port).find(|member| member.id == vlan);
            let member = member.ok_or_else(|| NoHop::OutsideVlan(self.name(port)))?;
            if !member.untagged {
                tags.push(VlanTag { tpid, id: vlan });
            }
        }
        Ok(port)
    }

    /// The VLAN that a bridge's own frames belong to: that of their tag, which is taken off, or the bridge's own.
    fn enter(&self, bridge: u32, tpid: u16, tags: &mut Vec<VlanTag>) -> Option<u16> {
        let tagged = tags.pop_if(|tag| tag.tpid == tpid).map(|tag| tag.id);
        let mut members = self.members(bridge);
        let member = match tagged {
            Some(id) => members.find(|member| member.id == id),
            None => members.find(|member| member.own),
        };
        member.map(|member| member.id)
    }

    fn members(&self, port: u32) -> impl Iterator<Item = &PortVlan> {
        self.vlans.get(&port).into_iter().flatten()
    }

    /// The MAC that hosts on an interface's segment know this host by: the bond's or bridge's that it is a part of.
    fn known_as(&self, interface: &Link) -> Option<Mac> {
        let mut mac = interface.mac?;
        let mut link = interface;
        for _ in 0..MAX_NESTING {
            let Some(above) = link.controller.and_then(|index| self.links.get(&index)) else { break };
            if !matches!(above.kind, Kind::Bond { .. } | Kind::Bridge { .. }) {
                break;
            }
            mac = above.mac?;
            link = above;
        }
        Some(mac)
    }

    fn is_interface(&self, link: &Link) -> bool {
        link.mac.is_some() && self.interfaces.contains(&link.name)
    }

    fn parts(&self, controller: u32) -> impl Iterator<Item = (u32, &Link)> {
        self.links
            .iter()
            .filter(move |(_, link)| link.controller == Some(controller))
            .map(|(index, link)| (*index, link))
    }

    fn is_part(&self, index: u32, controller: u32) -> bool {
        self.links.get(&index).is_some_and(|link| link.controller == Some(controller))
    }

    /// A link's name.
    pub(super) fn name(&self, index: u32) -> String {
        self.links.get(&index).map_or_else(|| format!("interface {index}"), |link| link.name.clone())
    }
}

/// How deep devices can be stacked: the kernel's `MAX_NEST_DEV`.
const MAX_NESTING: usize = 8;

#[cfg(test)]
#[path = "link_stack_tests.rs"]
mod tests;
