//! Groups of next hops: the rows that a member's packets leave by where its route has several next hops.
//!
//! A group is never changed while it is in use: other next hops are another group, and members turn over to it by their
//! tunnel's row. Groups are found by what they hold, so members behind the same routers share one.

use std::collections::{BTreeMap, BTreeSet};

use dsr_common::{
    forward::{NEXT_HOP_GROUPS, NEXT_HOPS_PER_GROUP},
    member::NextHopRow,
};

use super::{change::Change, member::link_header, row_id::MemberRowId, tables::Tables};
use crate::model::NextHop;

/// The groups of live tables, read where a route needs one.
#[derive(Default)]
pub(super) struct Groups {
    /// Those that are in the tables or are going to be, by what they hold; nothing before the first one is needed.
    known: Option<Vec<Vec<NextHopRow>>>,
    /// Those that this plan uses.
    used: BTreeSet<u16>,
}

impl Groups {
    /// The group of these next hops, with the change that writes it where no group holds them yet; zero for fewer than two, and where
    /// all groups are in use: packets then take the first next hop alone.
    pub(super) fn of(
        &mut self,
        next_hops: &[NextHop],
        devices: &BTreeMap<u32, u32>,
        live: &impl Tables,
    ) -> (u16, Option<Change>) {
        let rows = rows(next_hops, devices);
        if next_hops.len() < 2 || rows.is_empty() {
            return (0, None);
        }
        let known = self.known.get_or_insert_with(|| (0..NEXT_HOP_GROUPS).map(|group| held(live, group)).collect());
        if let Some(group) = known.iter().position(|held| *held == rows) {
            self.used.insert(group as u16);
            return (group as u16, None);
        }
        let empty = known.iter().skip(1).position(|held| held.iter().all(|row| *row == NextHopRow::default()));
        let Some(group) = empty.map(|index| index as u16 + 1).or_else(|| self.unused(live)) else { return (0, None) };
        if let Some(place) = self.known.as_mut().and_then(|known| known.get_mut(usize::from(group))) {
            place.clone_from(&rows);
        }
        self.used.insert(group);
        (group, Some(Change::NextHops { group, rows }))
    }

    /// A group that no member uses. Looked for only when every group has been used once.
    fn unused(&self, live: &impl Tables) -> Option<u16> {
        let members = MemberRowId::first(live.sizes().members).filter(|row| live.member(*row).family != 0);
        let taken: BTreeSet<u16> = members.map(|row| live.tunnel(row).group).collect();
        (1..NEXT_HOP_GROUPS as u16).find(|group| !taken.contains(group) && !self.used.contains(group))
    }
}

fn held(live: &impl Tables, group: u32) -> Vec<NextHopRow> {
    (0..NEXT_HOPS_PER_GROUP).map(|row| live.next_hop(group * NEXT_HOPS_PER_GROUP + row)).collect()
}

/// The rows of a group: each next hop has a share by its weight, and at least one row while there are enough; nothing where
/// none can be used.
fn rows(next_hops: &[NextHop], devices: &BTreeMap<u32, u32>) -> Vec<NextHopRow> {
    let row = |hop: &NextHop| {
        let (link, link_length) = link_header(hop.destination, hop.source, &hop.tags)?;
        let device = *devices.get(&hop.ifindex)?;
        Some((
            NextHopRow { link, link_length, pad: [0; 3], ifindex: hop.ifindex, device },
            u64::from(hop.weight.max(1)),
        ))
    };
    let usable: Vec<_> = next_hops.iter().filter_map(row).collect();
    let sum: u64 = usable.iter().map(|(_, weight)| weight).sum();
    // The middle of each row's share of the sum falls into the weight of one next hop.
    let owner = |number: u64| {
        let at = (2 * number + 1) * sum / (2 * u64::from(NEXT_HOPS_PER_GROUP));
        let mut before = 0;
        usable.iter().find(|(_, weight)| {
            before += weight;
            at < before
        })
    };
    (0..u64::from(NEXT_HOPS_PER_GROUP)).filter_map(|number| owner(number).map(|(row, _)| *row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::Mac,
        reconcile::{InMemory, Sizes, apply},
    };

    const SIZES: Sizes = Sizes { services: 8, members: 8, blocks: 8, established_sets: 1, embryonic_sets: 1 };

    fn hop(last: u8, weight: u16) -> NextHop {
        NextHop { ifindex: 2, source: Mac([2; 6]), destination: Mac([4, 0, 0, 0, 0, last]), tags: Vec::new(), weight }
    }

    fn devices() -> BTreeMap<u32, u32> {
        BTreeMap::from([(2, 0)])
    }

    #[test]
    fn shares_follow_the_weights() {
        let share = |rows: &[NextHopRow], last: u8| rows.iter().filter(|row| row.link[5] == last).count();
        let rows = rows(&[hop(1, 1), hop(2, 3)], &devices());
        assert_eq!((rows.len(), share(&rows, 1), share(&rows, 2)), (16, 4, 12));
    }

    #[test]
    fn next_hops_have_one_group_and_one_next_hop_has_none() {
        let (mut live, mut groups) = (InMemory::new(SIZES), Groups::default());
        assert_eq!(groups.of(&[hop(1, 1)], &devices(), &live), (0, None));
        let (first, change) = groups.of(&[hop(1, 1), hop(2, 1)], &devices(), &live);
        apply(&[change.expect("a new group is written")], &mut live);
        let (other, change) = groups.of(&[hop(1, 1), hop(3, 1)], &devices(), &live);
        assert!(first != 0 && other != 0 && first != other && change.is_some());
        let mut later = Groups::default();
        assert_eq!(later.of(&[hop(1, 1), hop(2, 1)], &devices(), &live), (first, None));
    }
}
