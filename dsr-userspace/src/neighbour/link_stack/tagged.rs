//! The tagged VLANs that this host is in on the configuration's interfaces.

use std::collections::{BTreeMap, BTreeSet};

use dsr_common::vlan::Vlan;

use super::{Kind, LinkStack, VlanTag};

impl LinkStack {
    /// By the index of the interface: the VLANs in which a VLAN sub-interface or a bridge of this host, which is up, sends
    /// and receives. A backend is in none but these, or on the untagged segment.
    pub(in crate::neighbour) fn tagged(&self) -> BTreeMap<u32, BTreeSet<Vlan>> {
        let mut tagged: BTreeMap<u32, BTreeSet<Vlan>> = BTreeMap::new();
        let may_tag = self.links.iter().filter(|(_, link)| matches!(link.kind, Kind::Vlan(_) | Kind::Bridge { .. }));
        for (index, _) in may_tag.filter(|(_, link)| link.enabled) {
            for egress_port in self.egress_ports(*index) {
                if let Some(vlan) = vlan(&egress_port.tags).filter(|vlan| *vlan != Vlan::UNTAGGED) {
                    tagged.entry(egress_port.ifindex).or_default().insert(vlan);
                }
            }
        }
        tagged
    }
}

/// The VLAN behind these tags; the program reads no more than two.
fn vlan(tags: &[VlanTag]) -> Option<Vlan> {
    match tags {
        [] => Some(Vlan::UNTAGGED),
        [tag] => Some(Vlan::of(tag.id, 0)),
        [outer, inner] => Some(Vlan::of(outer.id, inner.id)),
        _ => None,
    }
}
