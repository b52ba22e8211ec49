//! Backends that are on another segment than the way to them leads to. Pure.

use std::{collections::BTreeMap, net::IpAddr};

use super::capture::Captured;
use crate::{
    model::{Mac, VlanTag},
    neighbour::{EgressPort, Survey},
};

/// Where a backend is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Misplaced {
    /// Index of the interface that it was heard on.
    pub(super) ifindex: u32,
    /// The tags that its frames had, outermost first.
    pub(super) tags: Vec<VlanTag>,
    /// The MAC that they came from.
    pub(super) mac: Mac,
}

/// Those that were heard, and not where they are expected. An address may be used again in another VLAN, by another host:
/// so a backend that is heard where it should be is not misplaced.
pub(super) fn misplaced(survey: &Survey, observed: &[Captured]) -> BTreeMap<IpAddr, Misplaced> {
    let misplaced = |(address, egress): (&IpAddr, &crate::neighbour::Egress)| {
        let of_it = observed.iter().filter_map(|frame_seen| {
            frame_seen.observed.host().filter(|(from, _)| from == address).zip(Some(frame_seen))
        });
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            of_it.partition(|(_, frame_seen)| is_on(&egress.egress_ports, frame_seen));
        let ((_, mac), frame_seen) = elsewhere.first().filter(|_| here.is_empty())?;
        Some((*address, Misplaced { ifindex: frame_seen.ifindex, tags: frame_seen.tags.clone(), mac: *mac }))
    };
    survey.egress.iter().filter_map(misplaced).collect()
}

/// Whether something was heard on one of these segments.
pub(super) fn is_on(egress_ports: &[EgressPort], frame_seen: &Captured) -> bool {
    egress_ports
        .iter()
        .any(|egress_port| egress_port.ifindex == frame_seen.ifindex && egress_port.tags == frame_seen.tags)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{doctor::observed::Observed, neighbour::Egress};

    const MAC: Mac = Mac([2, 0, 0, 0, 0, 9]);

    fn vlan(id: u16) -> Vec<VlanTag> {
        vec![VlanTag { tpid: 0x8100, id }]
    }

    fn frame_seen(last: u8, tags: Vec<VlanTag>) -> Captured {
        Captured { ifindex: 2, tags, observed: Observed::Host { address: [10, 0, 0, last].into(), mac: MAC } }
    }

    fn found(tags: Vec<VlanTag>, observed: &[Captured]) -> Option<Misplaced> {
        let egress = Egress { interface: "eth0".to_owned(), egress_ports: vec![EgressPort { ifindex: 2, tags }] };
        let survey = Survey { egress: [([10, 0, 0, 9].into(), egress)].into(), vlans: BTreeMap::new() };
        misplaced(&survey, observed).into_values().next()
    }

    #[test]
    fn a_host_that_is_heard_elsewhere_alone_is_a_stray() {
        let misplaced = |tags| Some(Misplaced { ifindex: 2, tags, mac: MAC });
        assert_eq!(found(vec![], &[frame_seen(9, vlan(200))]), misplaced(vlan(200)));
        assert_eq!(found(vlan(100), &[frame_seen(9, vec![])]), misplaced(vec![]));
        assert_eq!(
            found(vlan(100), &[frame_seen(9, vlan(200)), frame_seen(9, vlan(100))]),
            None,
            "two hosts, or two VLANs"
        );
        assert_eq!(found(vlan(100), &[frame_seen(9, vlan(100))]), None);
        assert_eq!(found(vec![], &[frame_seen(8, vlan(200))]), None, "another host");
        assert_eq!(found(vec![], &[]), None);
        let other_tpid = vec![VlanTag { tpid: 0x88a8, id: 100 }];
        assert_eq!(found(vlan(100), &[frame_seen(9, other_tpid.clone())]), misplaced(other_tpid));
    }
}
