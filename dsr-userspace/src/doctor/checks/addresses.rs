//! Backends that are not one host each: two hosts with one address, two backends with one MAC.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::finding;
use crate::{
    doctor::{Finding, Severity, capture::Captured, misplaced::is_on, observations::Observations, observed::Observed},
    model::Mac,
};

/// Two hosts with one address; then two backends at one MAC.
pub(in crate::doctor) fn findings(observations: &Observations<'_>) -> Vec<Finding> {
    two_hosts(observations).into_iter().chain(one_mac(observations)).collect()
}

/// Whether another backend has this one's MAC: what is sent to it goes now here, now there.
pub(super) fn shares_its_mac(observations: &Observations<'_>, address: IpAddr) -> bool {
    let mac = |address| observations.mac(address);
    let others = observations.backends().map(|backend| backend.address).filter(|other| *other != address);
    mac(address).is_some() && others.into_iter().any(|other| mac(other) == mac(address))
}

fn two_hosts(observations: &Observations<'_>) -> Vec<Finding> {
    let found = observations.backends().filter_map(|backend| {
        // The same address in another VLAN is another one.
        let egress = observations.survey.egress.get(&backend.address);
        let is_here = |frame_seen: &&Captured| egress.is_none_or(|egress| is_on(&egress.egress_ports, frame_seen));
        let observed = observations.observed.iter().filter(is_here).map(|frame_seen| &frame_seen.observed);
        let macs: BTreeSet<Mac> = observed.filter_map(|observed| told(observed, backend.address)).collect();
        let listed: Vec<_> = macs.iter().map(ToString::to_string).collect();
        (macs.len() > 1).then(|| {
            let (address, listed) = (backend.address, listed.join(" and "));
            let what = format!("two hosts claim the address {address}, {listed}: packets go to either one");
            let remedy = format!("find both in the switch's MAC table and remove {address} from the wrong one");
            finding(Severity::Error, "address-twice", &backend.name, what, remedy)
        })
    });
    found.collect()
}

fn told(observed: &Observed, wanted: IpAddr) -> Option<Mac> {
    match observed {
        Observed::At { address, mac, .. } if *address == wanted => Some(*mac),
        _ => None,
    }
}

fn one_mac(observations: &Observations<'_>) -> Vec<Finding> {
    let mut by_mac: BTreeMap<Mac, BTreeMap<&str, IpAddr>> = BTreeMap::new();
    for backend in observations.backends() {
        if let Some(mac) = observations.mac(backend.address) {
            by_mac.entry(mac).or_default().insert(&backend.name, backend.address);
        }
    }
    let shared = by_mac.into_iter().filter(|(_, backends)| backends.len() > 1);
    let shared = shared.map(|(mac, backends)| {
        let names = backends.keys().copied().collect::<Vec<_>>().join(" and ");
        let addresses: Vec<_> = backends.values().map(ToString::to_string).collect();
        let what = format!("{} share the MAC {mac}: one host gets the flows of both", addresses.join(" and "));
        let remedy = "give each host a unique MAC (a cloned virtual machine keeps the original's), check for a router \
                      with proxy_arp, or list the host once";
        finding(Severity::Error, "mac-shared", names, what, remedy)
    });
    shared.collect()
}
