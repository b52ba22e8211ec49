//! All ways by which frames of a link may leave, whoever they are for: where a bridge stands between, that are several.

use super::{Exit, Kind, MAX_NESTING, VlanTag, Wires};

impl Wires {
    /// The segments that frames for this link come out on, and that its neighbours are on.
    pub(in crate::neighbour) fn exits(&self, from: u32) -> Vec<Exit> {
        let mut exits = Vec::new();
        self.leave(from, Vec::new(), MAX_NESTING, &mut exits);
        exits
    }

    /// `tags` has the outermost tag last.
    fn leave(&self, index: u32, mut tags: Vec<VlanTag>, depth: usize, exits: &mut Vec<Exit>) {
        let Some(link) = self.links.get(&index).filter(|_| depth > 0) else { return };
        if self.is_interface(link) {
            tags.reverse();
            let exit = Exit { ifindex: index, tags };
            if !exits.contains(&exit) {
                exits.push(exit);
            }
            return;
        }
        match link.kind {
            Kind::Plain => {}
            Kind::Vlan(vlan) => {
                tags.push(vlan.tag);
                self.leave(vlan.parent, tags, depth - 1, exits);
            }
            Kind::Bond { .. } | Kind::Bridge { filter: None } => {
                self.parts(index).for_each(|(part, _)| self.leave(part, tags.clone(), depth - 1, exits));
            }
            Kind::Bridge { filter: Some(tpid) } => {
                let Some(vlan) = self.enter(index, tpid, &mut tags) else { return };
                for (port, _) in self.parts(index) {
                    let Some(member) = self.members(port).find(|member| member.id == vlan) else { continue };
                    let tag = (!member.untagged).then_some(VlanTag { tpid, id: vlan });
                    self.leave(port, tags.iter().copied().chain(tag).collect(), depth - 1, exits);
                }
            }
        }
    }
}
