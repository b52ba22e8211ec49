//! The tagged VLANs that this host is in on the configuration's interfaces.

use std::collections::{BTreeMap, BTreeSet};

use dsr_common::vlan::Vlan;

use super::{Kind, LinkStack, VlanTag};

impl LinkStack {
    /// By the index of the interface: the tags with which a VLAN sub-interface or a bridge of this host, which is up, sends
    /// and receives, but for those of VLANs that the program cannot read.
    pub(in crate::neighbour) fn vlan_tags(&self) -> BTreeMap<u32, BTreeSet<Vec<VlanTag>>> {
        let mut vlan_tags: BTreeMap<u32, BTreeSet<Vec<VlanTag>>> = BTreeMap::new();
        let may_tag = self.links.iter().filter(|(_, link)| matches!(link.kind, Kind::Vlan(_) | Kind::Bridge { .. }));
        for (index, _) in may_tag.filter(|(_, link)| link.enabled) {
            for egress_port in self.egress_ports(*index) {
                if VlanTag::vlan(&egress_port.tags).is_some_and(|vlan| vlan != Vlan::UNTAGGED) {
                    vlan_tags.entry(egress_port.ifindex).or_default().insert(egress_port.tags);
                }
            }
        }
        vlan_tags
    }
}

/// The VLANs of these tags. A backend is in none but these, or on the untagged segment.
pub(in crate::neighbour) fn vlans(vlan_tags: &BTreeMap<u32, BTreeSet<Vec<VlanTag>>>) -> BTreeMap<u32, BTreeSet<Vlan>> {
    let vlans = |all: &BTreeSet<Vec<VlanTag>>| all.iter().filter_map(|tags| VlanTag::vlan(tags)).collect();
    vlan_tags.iter().map(|(ifindex, all)| (*ifindex, vlans(all))).collect()
}
