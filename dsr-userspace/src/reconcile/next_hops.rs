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
    /// Those that live members use; looked for when no group is empty.
    taken: Option<BTreeSet<u16>>,
    /// Those that this plan uses.
    used: BTreeSet<u16>,
}

/// Which group packets leave by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// None: there is one next hop.
    Single,
    /// This one, which holds the next hops.
    Live(u16),
    /// This one, once the change is made that writes it.
    New(u16, Change),
    /// None, since all groups are in use: packets take the first next hop alone.
    Full,
}

/// Groups that there can be at a time.
pub const GROUPS_MAX: u32 = NEXT_HOP_GROUPS - 1;

impl Groups {
    /// The group of these next hops.
    pub(super) fn of(&mut self, next_hops: &[NextHop], devices: &BTreeMap<u32, u32>, live: &impl Tables) -> Group {
        let rows = rows(next_hops, devices);
        if next_hops.len() < 2 || rows.is_empty() {
            return Group::Single;
        }
        let known = self.known.get_or_insert_with(|| (0..NEXT_HOP_GROUPS).map(|group| held(live, group)).collect());
        if let Some(group) = known.iter().position(|held| *held == rows) {
            self.used.insert(group as u16);
            return Group::Live(group as u16);
        }
        let empty = known.iter().skip(1).position(|held| held.iter().all(|row| *row == NextHopRow::default()));
        let Some(group) = empty.map(|index| index as u16 + 1).or_else(|| self.unused(live)) else { return Group::Full };
        if let Some(place) = self.known.as_mut().and_then(|known| known.get_mut(usize::from(group))) {
            place.clone_from(&rows);
        }
        self.used.insert(group);
        Group::New(group, Change::NextHops { group, rows })
    }

    /// A group that no member uses. Looked for only when every group has been used once.
    fn unused(&mut self, live: &impl Tables) -> Option<u16> {
        let taken = self.taken.get_or_insert_with(|| {
            let members = MemberRowId::first(live.sizes().members).filter(|row| live.member(*row).family != 0);
            members.map(|row| live.tunnel(row).group).collect()
        });
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
    use std::{net::Ipv4Addr, ops::RangeInclusive};

    use super::*;
    use crate::{
        config,
        model::{Desired, Health, Hop, Mac, Network, Reach, RoutedPath},
        reconcile::{InMemory, Sizes, apply, plan},
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
        assert_eq!(groups.of(&[hop(1, 1)], &devices(), &live), Group::Single);
        let new = |group| match group {
            Group::New(number, change) => (number, change),
            other => panic!("{other:?}"),
        };
        let (first, change) = new(groups.of(&[hop(1, 1), hop(2, 1)], &devices(), &live));
        apply(&[change], &mut live);
        let (other, _) = new(groups.of(&[hop(1, 1), hop(3, 1)], &devices(), &live));
        assert!(first != 0 && other != 0 && first != other);
        let mut later = Groups::default();
        assert_eq!(later.of(&[hop(1, 1), hop(2, 1)], &devices(), &live), Group::Live(first));
    }

    /// More backends behind routers of their own than there are groups.
    const MANY: u32 = GROUPS_MAX + 45;

    fn desired(backends: RangeInclusive<u32>) -> Desired {
        let backends =
            backends.map(|n| format!("{{name: w{n}, address: {}}}", address(n))).collect::<Vec<_>>().join(", ");
        let text = format!(
            "interfaces: [eth0]\npools: {{web: {{forward: ipip, backends: [{backends}]}}}}\n\
             services: [{{name: www, vip: 192.0.2.10, port: 80, pool: web}}]\n"
        );
        config::parse(&text, "dsr.yaml".as_ref()).unwrap().desired
    }

    fn address(n: u32) -> Ipv4Addr {
        Ipv4Addr::from_bits(0x0a00_0000 + n)
    }

    /// Each backend behind two routers that no other has.
    fn network() -> Network {
        let reach = (1..=MANY).map(|n| {
            let [.., high, low] = n.to_be_bytes();
            let router = |last| NextHop { destination: Mac([4, 0, 0, high, low, last]), ..hop(0, 1) };
            let NextHop { ifindex, source, destination, tags, .. } = router(1);
            let source_address = Some(Ipv4Addr::new(10, 0, 9, 9).into());
            let path = RoutedPath { mtu: 1500, source: source_address, next_hops: vec![router(1), router(2)] };
            (address(n).into(), Reach::Hop(Hop { ifindex, source, destination, tags, path }))
        });
        Network { reach: reach.collect(), ..Network::default() }
    }

    #[test]
    fn members_beyond_the_groups_are_named_and_use_one_next_hop() {
        let (wanted, network) = (desired(1..=MANY), network());
        let mut live = InMemory::new(Sizes { established_sets: 1, embryonic_sets: 1, ..Sizes::for_desired(&wanted) });
        let mut go_to = |wanted: &Desired| {
            let planned = plan(wanted, &network, &Health::default(), &devices(), &live).unwrap();
            apply(&planned.changes, &mut live);
            let members = planned.layout.services[0].members.clone();
            for member in &members {
                let group = live.tunnel(member.row).group;
                assert_eq!(member.ungrouped, group == 0);
                let first = live.next_hop(u32::from(group) * NEXT_HOPS_PER_GROUP);
                assert!(member.ungrouped || first.link[..6] == live.member(member.row).link[..6], "{member:?}");
            }
            assert!(members.iter().all(|member| member.reachable && member.slots > 0));
            members.iter().filter(|member| member.ungrouped).count() as u32
        };
        assert_eq!(go_to(&wanted), MANY - GROUPS_MAX);
        assert_eq!(go_to(&wanted), MANY - GROUPS_MAX, "nothing was given up");
        // Groups of members that are gone take the next hops of others.
        assert_eq!([go_to(&desired(1..=2)), go_to(&desired(MANY - 100..=MANY))], [0; 2]);
    }
}
