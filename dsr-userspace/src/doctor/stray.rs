//! Backends that are on another segment than the way to them leads to. Pure.

use std::{collections::BTreeMap, net::IpAddr};

use super::ear::Sound;
use crate::{
    model::{Mac, VlanTag},
    neighbour::{EgressPort, Survey},
};

/// Where a backend is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stray {
    /// Index of the interface that it was heard on.
    pub(super) ifindex: u32,
    /// The tags that its frames had, outermost first.
    pub(super) tags: Vec<VlanTag>,
    /// The MAC that they came from.
    pub(super) mac: Mac,
}

/// Those that were heard, and not where they are expected. An address may be used again in another VLAN, by another host:
/// so a backend that is heard where it should be is no stray.
pub(super) fn strays(survey: &Survey, heard: &[Sound]) -> BTreeMap<IpAddr, Stray> {
    let stray = |(address, egress): (&IpAddr, &crate::neighbour::Egress)| {
        let of_it =
            heard.iter().filter_map(|sound| sound.heard.host().filter(|(from, _)| from == address).zip(Some(sound)));
        let (here, elsewhere): (Vec<_>, Vec<_>) = of_it.partition(|(_, sound)| is_on(&egress.egress_ports, sound));
        let ((_, mac), sound) = elsewhere.first().filter(|_| here.is_empty())?;
        Some((*address, Stray { ifindex: sound.ifindex, tags: sound.tags.clone(), mac: *mac }))
    };
    survey.egress.iter().filter_map(stray).collect()
}

/// Whether something was heard on one of these segments.
pub(super) fn is_on(egress_ports: &[EgressPort], sound: &Sound) -> bool {
    egress_ports.iter().any(|egress_port| egress_port.ifindex == sound.ifindex && egress_port.tags == sound.tags)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{doctor::heard::Heard, neighbour::Egress};

    const MAC: Mac = Mac([2, 0, 0, 0, 0, 9]);

    fn vlan(id: u16) -> Vec<VlanTag> {
        vec![VlanTag { tpid: 0x8100, id }]
    }

    fn sound(last: u8, tags: Vec<VlanTag>) -> Sound {
        Sound { ifindex: 2, tags, heard: Heard::Host { address: [10, 0, 0, last].into(), mac: MAC } }
    }

    fn found(tags: Vec<VlanTag>, heard: &[Sound]) -> Option<Stray> {
        let egress = Egress { interface: "eth0".to_owned(), egress_ports: vec![EgressPort { ifindex: 2, tags }] };
        let survey = Survey { egress: [([10, 0, 0, 9].into(), egress)].into(), vlans: BTreeMap::new() };
        strays(&survey, heard).into_values().next()
    }

    #[test]
    fn a_host_that_is_heard_elsewhere_alone_is_a_stray() {
        let stray = |tags| Some(Stray { ifindex: 2, tags, mac: MAC });
        assert_eq!(found(vec![], &[sound(9, vlan(200))]), stray(vlan(200)));
        assert_eq!(found(vlan(100), &[sound(9, vec![])]), stray(vec![]));
        assert_eq!(found(vlan(100), &[sound(9, vlan(200)), sound(9, vlan(100))]), None, "two hosts, or two VLANs");
        assert_eq!(found(vlan(100), &[sound(9, vlan(100))]), None);
        assert_eq!(found(vec![], &[sound(8, vlan(200))]), None, "another host");
        assert_eq!(found(vec![], &[]), None);
        let other_tpid = vec![VlanTag { tpid: 0x88a8, id: 100 }];
        assert_eq!(found(vlan(100), &[sound(9, other_tpid.clone())]), stray(other_tpid));
    }
}
