//! From facts to findings. Pure.

mod bond;
mod device;
mod offload;
mod path;

pub(super) use path::unreachable;

use super::{
    Finding, Severity,
    facts::{Device, Facts, Interface},
};

/// All findings, errors first.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let of_interface = |interface: &Interface| {
        if let Device::Bond(bond) = &interface.device {
            return bond::findings(facts, interface, bond);
        }
        let mut found = device::findings(facts, interface);
        found.extend(offload::findings(interface));
        found
    };
    let mut found: Vec<_> = facts.interfaces.iter().flat_map(of_interface).collect();
    found.extend(path::findings(facts));
    found.sort_by_key(|finding| finding.severity);
    found
}

fn finding(severity: Severity, interface: &str, finding: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { severity, interface: interface.to_owned(), finding: finding.into(), remedy: remedy.into() }
}

#[cfg(test)]
mod tests;
