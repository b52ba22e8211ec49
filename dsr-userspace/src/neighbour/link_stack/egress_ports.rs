//! All ways by which frames of a link may leave, whoever they are for: where a bridge stands between, that are several.

use super::{EgressPort, Kind, LinkStack, MAX_NESTING, VlanTag};

impl LinkStack {
    /// The segments that frames for this link come out on, and that its neighbours are on.
    pub(in crate::neighbour) fn egress_ports(&self, from: u32) -> Vec<EgressPort> {
        let mut egress_ports = Vec::new();
        self.leave(from, Vec::new(), MAX_NESTING, &mut egress_ports);
        egress_ports
    }

    /// `tags` has the outermost tag last.
    fn leave(&self, index: u32, mut tags: Vec<VlanTag>, depth: usize, egress_ports: &mut Vec<EgressPort>) {
        let Some(link) = self.links.get(&index).filter(|_| depth > 0) else { return };
        if self.is_interface(link) {
            tags.reverse();
            let egress_port = EgressPort { ifindex: index, tags };
            if !egress_ports.contains(&egress_port) {
                egress_ports.push(egress_port);
            }
            return;
        }
        match link.kind {
            Kind::Plain => {}
            Kind::Vlan(vlan) => {
                tags.push(vlan.tag);
                self.leave(vlan.parent, tags, depth - 1, egress_ports);
            }
            Kind::Bond { .. } | Kind::Bridge { filter: None } => {
                self.parts(index).for_each(|(part, _)| self.leave(part, tags.clone(), depth - 1, egress_ports));
            }
            Kind::Bridge { filter: Some(tpid) } => {
                let Some(vlan) = self.enter(index, tpid, &mut tags) else { return };
                for (port, _) in self.parts(index) {
                    let Some(member) = self.members(port).find(|member| member.id == vlan) else { continue };
                    let tag = (!member.untagged).then_some(VlanTag { tpid, id: vlan });
                    self.leave(port, tags.iter().copied().chain(tag).collect(), depth - 1, egress_ports);
                }
            }
        }
    }
}
