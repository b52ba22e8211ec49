//! Hosts that tell the network that a VIP is theirs.

use std::{collections::BTreeMap, net::IpAddr};

use super::finding;
use crate::{
    arpwatch::{Owner, View, meaning, remedy},
    doctor::{Finding, Severity, capture::Captured, observations::Observations, observed::Observed},
    model::Mac,
};

/// A finding for each host and VIP: those that answered now, and those that the agent heard lately.
pub(in crate::doctor) fn findings(observations: &Observations<'_>) -> Vec<Finding> {
    let mut claims = answered(&observations.view, &observations.observed);
    for (vip, mac, owner) in observations.agent.iter().flat_map(|(_, counted)| &counted.claims) {
        let Some(mac) = Mac::parse(mac) else { continue };
        let known = match (observations.view.owner(mac), owner.as_str()) {
            (Owner::Unknown, "balancer") => Owner::Balancer,
            (owner, _) => owner,
        };
        claims.entry((*vip, mac)).or_insert(known);
    }
    let found = claims.into_iter().map(|((vip, mac), owner)| {
        let severity = if owner == Owner::Balancer { Severity::Warning } else { Severity::Error };
        let subject = match &owner {
            Owner::Backend(name) => name.clone(),
            Owner::Balancer | Owner::Unknown => mac.to_string(),
        };
        finding(severity, "arp-leak", subject, meaning(&owner, vip), remedy(&owner, vip, mac))
    });
    found.collect()
}

/// Whoever answers for a VIP in a VLAN that the VIP is in.
fn answered(view: &View, observed: &[Captured]) -> BTreeMap<(IpAddr, Mac), Owner> {
    let mut claims = BTreeMap::new();
    for Captured { ifindex, tags, observed } in observed {
        let Observed::At { address, mac, marked } = *observed else { continue };
        if !view.is_in(address, *ifindex, tags) || view.own.contains(&mac) {
            continue;
        }
        let owner = match view.owner(mac) {
            Owner::Unknown if marked => Owner::Balancer,
            owner => owner,
        };
        claims.insert((address, mac), owner);
    }
    claims
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Arc};

    use dsr_common::vlan::Vlan;

    use super::*;
    use crate::model::VlanTag;

    #[test]
    fn a_host_in_a_vlan_that_the_vip_is_not_in_may_have_the_address() {
        let vip: IpAddr = "192.0.2.10".parse().unwrap();
        let host = |id: u16| Mac([2, 0, 0, 0, 0, id as u8]);
        let answer = |id: u16| {
            let tags = [VlanTag { tpid: 0x8100, id }].into_iter().filter(|tag| tag.id != 0).collect();
            Captured { ifindex: 2, tags, observed: Observed::At { address: vip, mac: host(id), marked: false } }
        };
        let answers = [0, 20].map(answer);
        let found = |list: Option<Vlan>| {
            let list = list.map(|vlan| Arc::new(BTreeSet::from([vlan])));
            let view = View { vips: [(vip, list)].into(), ..View::default() };
            answered(&view, &answers).into_keys().map(|(_, mac)| mac).collect::<Vec<_>>()
        };
        assert_eq!(found(None), [host(0)], "this host is not in VLAN 20");
        assert_eq!(found(Some(Vlan::UNTAGGED)), [host(0)]);
        assert_eq!(found(Some(Vlan::of(20, 0))), [host(20)]);
        assert_eq!(found(Some(Vlan::of(30, 0))), []);
    }
}
