//! The segments that VIPs are in: the VLANs of a VIP's own list on every interface, or those of this host. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use dsr_common::vlan::Vlan;

use super::question::Segment;
use crate::{
    config::Config,
    model::{BondPort, InterfaceState, Network, VlanTag},
};

/// The VLANs of a VIP's own list, if it has one.
pub type VlanList = Option<Arc<BTreeSet<Vlan>>>;

/// The segments of all interfaces that are up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segments {
    all: Vec<Arc<Segment>>,
    /// Those that this host is in, by their place in `all`.
    of_host: Vec<usize>,
    /// By VLAN, the same.
    by_vlan: BTreeMap<Vlan, Vec<usize>>,
    /// The tagged VLANs that this host is in, by the index of the interface or of its port.
    host_vlans: BTreeMap<u32, BTreeSet<Vlan>>,
}

impl Segments {
    /// Those that this host is in, and those of the lists.
    pub(super) fn new(config: &Config, network: &Network) -> Self {
        let mut segments = Self { host_vlans: host_vlans(network), ..Self::default() };
        let listed: BTreeSet<Vlan> = config.desired.vlan_lists().into_values().flatten().copied().collect();
        for name in config.interfaces() {
            let Some(state) = network.interfaces.get(&name).filter(|state| state.up) else { continue };
            segments.add_interface(&name, state, network, &listed);
        }
        segments
    }

    fn add_interface(&mut self, name: &str, state: &InterfaceState, network: &Network, listed: &BTreeSet<Vlan>) {
        let segment = |tags| Segment { ifindex: state.ifindex, interface: name.to_owned(), mac: state.mac, tags };
        let mut known = BTreeSet::from([Vlan::UNTAGGED]);
        let tagged = network.vlan_tags.get(&state.ifindex).into_iter().flatten().cloned();
        for tags in std::iter::once(Vec::new()).chain(tagged) {
            let Some(vlan) = VlanTag::vlan(&tags) else { continue };
            known.insert(vlan);
            self.of_host.push(self.all.len());
            self.add(vlan, segment(tags));
        }
        for vlan in listed.difference(&known) {
            self.add(*vlan, segment(VlanTag::standard(*vlan)));
        }
    }

    fn add(&mut self, vlan: Vlan, segment: Segment) {
        self.by_vlan.entry(vlan).or_default().push(self.all.len());
        self.all.push(Arc::new(segment));
    }

    /// Those that a VIP with this list is in.
    pub(super) fn of(&self, list: &VlanList) -> impl Iterator<Item = &Arc<Segment>> {
        let listed = list.iter().flat_map(|vlans| vlans.iter()).filter_map(|vlan| self.by_vlan.get(vlan)).flatten();
        let of_host = self.of_host.iter().filter(|_| list.is_none());
        listed.chain(of_host).filter_map(|place| self.all.get(*place))
    }

    /// Those that this host is in on an interface.
    pub fn of_host(&self, ifindex: u32) -> impl Iterator<Item = &Arc<Segment>> {
        let of_host = self.of_host.iter().filter_map(|place| self.all.get(*place));
        of_host.filter(move |segment| segment.ifindex == ifindex)
    }

    /// The untagged segment of each interface.
    pub fn untagged(&self) -> impl Iterator<Item = &Arc<Segment>> {
        self.by_vlan.get(&Vlan::UNTAGGED).into_iter().flatten().filter_map(|place| self.all.get(*place))
    }

    /// Whether a frame with these tags, on this interface or port, is in a VLAN of a VIP with this list.
    pub(super) fn contain(&self, list: &VlanList, ifindex: u32, tags: &[VlanTag]) -> bool {
        let Some(vlan) = VlanTag::vlan(tags) else { return false };
        let of_host = || self.host_vlans.get(&ifindex).is_some_and(|vlans| vlans.contains(&vlan));
        list.as_ref().map_or_else(|| vlan == Vlan::UNTAGGED || of_host(), |vlans| vlans.contains(&vlan))
    }
}

/// Those of a bond hold for its ports too, which frames come in on.
fn host_vlans(network: &Network) -> BTreeMap<u32, BTreeSet<Vlan>> {
    let of_port = |(index, port): (&u32, &BondPort)| {
        let bond = network.interfaces.get(&port.bond)?;
        Some((*index, network.vlans.get(&bond.ifindex)?.clone()))
    };
    network.ports.iter().filter_map(of_port).chain(network.vlans.clone()).collect()
}
