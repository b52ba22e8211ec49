//! Backends that are not one host each: two hosts with one address, two backends with one MAC.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::finding;
use crate::{
    doctor::{Finding, Severity, case::Case, ear::Sound, heard::Heard, stray::is_on},
    model::Mac,
};

/// Two hosts with one address; then two backends at one MAC.
pub(in crate::doctor) fn findings(case: &Case<'_>) -> Vec<Finding> {
    two_hosts(case).into_iter().chain(one_mac(case)).collect()
}

/// Whether another backend has this one's MAC: what is sent to it goes now here, now there.
pub(super) fn shares_its_mac(case: &Case<'_>, address: IpAddr) -> bool {
    let mac = |address| case.hop(address).map(|hop| hop.destination);
    let others = case.backends().map(|backend| backend.address).filter(|other| *other != address);
    mac(address).is_some() && others.into_iter().any(|other| mac(other) == mac(address))
}

fn two_hosts(case: &Case<'_>) -> Vec<Finding> {
    let found = case.backends().filter_map(|backend| {
        // The same address in another VLAN is another one.
        let egress = case.survey.egress.get(&backend.address);
        let is_here = |sound: &&Sound| egress.is_none_or(|egress| is_on(&egress.egress_ports, sound));
        let heard = case.heard.iter().filter(is_here).map(|sound| &sound.heard);
        let macs: BTreeSet<Mac> = heard.filter_map(|heard| told(heard, backend.address)).collect();
        let listed: Vec<_> = macs.iter().map(ToString::to_string).collect();
        (macs.len() > 1).then(|| {
            let (address, listed) = (backend.address, listed.join(" and "));
            let what =
                format!("two hosts say that {address} is theirs, {listed}: now one gets the packets, now the other");
            let remedy = format!("find both in the switch's table, and take {address} from the wrong one");
            finding(Severity::Error, "address-twice", &backend.name, what, remedy)
        })
    });
    found.collect()
}

fn told(heard: &Heard, wanted: IpAddr) -> Option<Mac> {
    match heard {
        Heard::At { address, mac, .. } if *address == wanted => Some(*mac),
        _ => None,
    }
}

fn one_mac(case: &Case<'_>) -> Vec<Finding> {
    let mut by_mac: BTreeMap<Mac, BTreeMap<&str, IpAddr>> = BTreeMap::new();
    for backend in case.backends() {
        if let Some(hop) = case.hop(backend.address) {
            by_mac.entry(hop.destination).or_default().insert(&backend.name, backend.address);
        }
    }
    let shared = by_mac.into_iter().filter(|(_, backends)| backends.len() > 1);
    let shared = shared.map(|(mac, backends)| {
        let names = backends.keys().copied().collect::<Vec<_>>().join(" and ");
        let addresses: Vec<_> = backends.values().map(ToString::to_string).collect();
        let what = format!("{} have one MAC, {mac}: one host gets the flows of both", addresses.join(" and "));
        let remedy = "give each host a MAC of its own (a copied virtual machine keeps the old one), or look for a router that \
                    answers for others (proxy_arp), or write the host once";
        finding(Severity::Error, "mac-shared", names, what, remedy)
    });
    shared.collect()
}
