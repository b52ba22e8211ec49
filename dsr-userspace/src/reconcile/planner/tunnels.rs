//! The tunnels of a service's members, and the groups of next hops that they leave by.

use std::collections::BTreeSet;

use dsr_common::{service::MembersRef, tunnel::TunnelRow};

use super::{Planner, Wanted};
use crate::reconcile::{Change, MemberRowId, Tables, member, next_hops::Group};

impl<T: Tables> Planner<'_, T> {
    /// Tunnels are written before the members that use them, after a move to other rows; next hops before both. Those of
    /// members without a path stay as they are. Gives the numbers of members whose next hops have no group, since all are in
    /// use.
    pub(super) fn write_tunnels(&mut self, wanted: &Wanted<'_>, to: MembersRef, numbers: &[u16]) -> BTreeSet<u16> {
        let mut ungrouped = BTreeSet::new();
        if !wanted.service.forward.mode().is_routed() {
            return ungrouped;
        }
        let from = wanted.live.map_or(to, |live| live.members);
        for (backend, number) in wanted.backends.iter().zip(numbers) {
            let rows = member::rows(wanted.service, backend, self.goal.network, self.goal.devices);
            let Ok(hop) = self.goal.network.hop(backend.address, wanted.service.forward) else { continue };
            if rows.member.mode == 0 {
                continue;
            }
            let group = match self.groups.of(&hop.path.next_hops, self.goal.devices, self.live) {
                Group::Single => 0,
                Group::Live(group) => group,
                Group::New(group, change) => {
                    self.changes.members.push(change);
                    group
                }
                Group::Full => {
                    ungrouped.insert(*number);
                    0
                }
            };
            let value = TunnelRow { group, ..rows.tunnel };
            let row = MemberRowId::of(to, *number);
            let old = MemberRowId::of(from, *number);
            let is_moved = wanted.held.get(usize::from(*number)).is_some_and(|row| row.family != 0);
            if self.live.tunnel(if is_moved { old } else { row }) != value {
                self.changes.members.push(Change::Tunnel { row, value });
            }
        }
        ungrouped
    }
}
