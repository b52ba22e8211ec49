//! Hosts that tell the network that a VIP is theirs.

use std::{collections::BTreeMap, net::IpAddr};

use super::finding;
use crate::{
    arpwatch::{Owner, meaning, remedy},
    doctor::{Finding, Severity, case::Case, heard::Heard},
    model::Mac,
};

/// A finding for each host and VIP: those that answered now, and those that the agent heard lately.
pub(in crate::doctor) fn findings(case: &Case<'_>) -> Vec<Finding> {
    let mut claims: BTreeMap<(IpAddr, Mac), Owner> = BTreeMap::new();
    for sound in &case.heard {
        let Heard::At { address, mac, marked } = sound.heard else { continue };
        if !case.view.vips.contains(&address) || case.view.own.contains(&mac) {
            continue;
        }
        let owner = match case.view.owner(mac) {
            Owner::Unknown if marked => Owner::Balancer,
            owner => owner,
        };
        claims.insert((address, mac), owner);
    }
    for (vip, mac, owner) in case.agent.iter().flat_map(|(_, counted)| &counted.claims) {
        let Some(mac) = Mac::parse(mac) else { continue };
        let known = match (case.view.owner(mac), owner.as_str()) {
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
