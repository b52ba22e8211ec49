//! A bond: the kernel runs its program for each of its ports, so that these are what is judged.

use super::{device, finding, offload};
use crate::{
    config::XdpMode,
    preflight::{
        Finding, Severity,
        facts::{Bond, Facts, Interface, LinkState},
    },
};

/// What is found of a bond.
pub(super) fn findings(facts: &Facts, interface: &Interface, bond: &Bond) -> Vec<Finding> {
    let mut found: Vec<_> = unable(facts.mode, interface, bond).into_iter().chain(device::itself(interface)).collect();
    found.extend(twice(facts, interface, bond));
    for port in &bond.ports {
        // Without a cable a port waits to be needed.
        let waiting = Interface { state: LinkState::Up, promiscuous: false, ..port.clone() };
        found.extend(device::findings(facts, &waiting));
        found.extend(offload::findings(&waiting));
    }
    found
}

/// Not every mode can say by which port a frame of a program leaves.
fn unable(mode: XdpMode, interface: &Interface, bond: &Bond) -> Option<Finding> {
    let setting = bond.unable.as_ref()?;
    let what = format!("it is a bond whose {setting} has no native XDP");
    let remedy = if bond.ports.is_empty() {
        "give it another mode: balance-rr, active-backup, balance-xor or 802.3ad".to_owned()
    } else {
        format!("write its ports in the configuration: `interfaces: [{}]`", names(bond))
    };
    Some(finding(device::severity(mode), &interface.name, what, remedy))
}

/// A port of a bond with a program takes none of its own.
fn twice(facts: &Facts, interface: &Interface, bond: &Bond) -> Option<Finding> {
    let written = |port: &&Interface| facts.interfaces.iter().any(|other| other.name == port.name);
    let port = bond.ports.iter().find(written)?;
    let what = format!("its port {} is in `interfaces` too: the kernel attaches to the one or to the other", port.name);
    let remedy = format!("write either the bond or its ports in the configuration: `interfaces: [{}]`", interface.name);
    Some(finding(Severity::Error, &interface.name, what, remedy))
}

fn names(bond: &Bond) -> String {
    bond.ports.iter().map(|port| port.name.as_str()).collect::<Vec<_>>().join(", ")
}
