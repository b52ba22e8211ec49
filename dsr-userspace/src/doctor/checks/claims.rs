//! Hosts that tell the network that a VIP is theirs.

use std::{collections::BTreeMap, net::IpAddr};

use super::finding;
use crate::{
    arpwatch::{Owner, meaning, remedy},
    doctor::{Finding, Severity, observations::Observations, observed::Observed},
    model::Mac,
};

/// A finding for each host and VIP: those that answered now, and those that the agent heard lately.
pub(in crate::doctor) fn findings(observations: &Observations<'_>) -> Vec<Finding> {
    let mut claims: BTreeMap<(IpAddr, Mac), Owner> = BTreeMap::new();
    for frame_seen in &observations.observed {
        let Observed::At { address, mac, marked } = frame_seen.observed else { continue };
        if !observations.view.vips.contains(&address) || observations.view.own.contains(&mac) {
            continue;
        }
        let owner = match observations.view.owner(mac) {
            Owner::Unknown if marked => Owner::Balancer,
            owner => owner,
        };
        claims.insert((address, mac), owner);
    }
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
