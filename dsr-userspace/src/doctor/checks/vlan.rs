//! Backends that are in another VLAN than this host sends their packets to.

use std::net::IpAddr;

use super::finding;
use crate::{
    doctor::{Finding, Severity, misplaced::Misplaced, observations::Observations},
    model::VlanTag,
    neighbour::{Egress, EgressPort},
};

/// A finding for each backend that was heard elsewhere.
pub(in crate::doctor) fn findings(observations: &Observations<'_>) -> Vec<Finding> {
    let found = observations.backends().filter_map(|backend| {
        let (misplaced, egress) =
            (observations.misplaced.get(&backend.address)?, observations.survey.egress.get(&backend.address)?);
        let (address, observed) = (backend.address, place(observations, misplaced.ifindex, &misplaced.tags));
        let expected: Vec<_> = egress
            .egress_ports
            .iter()
            .map(|egress_port| place(observations, egress_port.ifindex, &egress_port.tags))
            .collect();
        let what = format!(
            "{address} is seen {observed} (MAC {}), but the route to it leads elsewhere, {}: packets do not reach it",
            misplaced.mac,
            expected.join(" or ")
        );
        Some(finding(
            Severity::Error,
            "wrong-vlan",
            &backend.name,
            what,
            remedy(observations, &backend.name, address, misplaced, egress),
        ))
    });
    found.collect()
}

/// Either side may be the one that is wrong.
fn remedy(
    observations: &Observations<'_>,
    name: &str,
    address: IpAddr,
    misplaced: &Misplaced,
    egress: &Egress,
) -> String {
    let expected: Vec<_> = egress.egress_ports.iter().map(|egress_port| called(&egress_port.tags)).collect();
    let port = format!("put the switch port of {name} {}", expected.first().map_or("right", String::as_str));
    let Some(below) = observations.view.interfaces.get(&misplaced.ifindex) else { return port };
    let here = EgressPort { ifindex: misplaced.ifindex, tags: misplaced.tags.clone() };
    let existing = observations
        .survey
        .vlans
        .iter()
        .find(|(_, egress_ports)| egress_ports.contains(&here))
        .map(|(name, _)| name.as_str());
    let other = match (&misplaced.tags[..], existing) {
        ([], _) => format!("`ip route replace {address} dev {below}`"),
        (_, Some(vlan)) => format!("`ip route replace {address} dev {vlan}`"),
        ([tag], None) => format!(
            "`ip link add link {below} name {below}.{id} type vlan id {id}{protocol}`, up and with an address of its subnet",
            id = tag.id,
            protocol = if tag.tpid == TPID { "" } else { " protocol 802.1ad" }
        ),
        (_, None) => "give this host an interface in that VLAN".to_owned(),
    };
    format!("{port}; or, if the backend is right, here: {other}")
}

fn place(observations: &Observations<'_>, ifindex: u32, tags: &[VlanTag]) -> String {
    let interface = observations.view.interfaces.get(&ifindex).map_or("?", String::as_str);
    match tags {
        [] => format!("untagged on {interface}"),
        tags => format!("in VLAN {} on {interface}", numbers(tags)),
    }
}

fn called(tags: &[VlanTag]) -> String {
    match tags {
        [] => "into the untagged VLAN of this host's port".to_owned(),
        tags => format!("into VLAN {}", numbers(tags)),
    }
}

/// The numbers, outermost first; 802.1Q is what is not said.
fn numbers(tags: &[VlanTag]) -> String {
    let number = |tag: &VlanTag| match tag.tpid {
        TPID => tag.id.to_string(),
        tpid => format!("{} ({tpid:#06x})", tag.id),
    };
    tags.iter().map(number).collect::<Vec<_>>().join(".")
}

/// IEEE 802.1Q.
const TPID: u16 = 0x8100;
