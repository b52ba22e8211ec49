//! What is wrong with a balancer's network and its backends, each finding with the command that fixes it.
//!
//! Enters a configuration; a [`observations::Observations`] is gathered for it: the network as the agent would see it, what hosts answer to
//! questions and probes, and what a running agent counted. Pure checks make findings of that. Nothing is changed, and an
//! agent need not run. A check is a module with a function from the case to its findings, entered in [`CHECKS`].

use std::fmt;

use serde::Serialize;

use crate::{config::Config, preflight};

mod agent;
mod capture;
mod checks;
mod misplaced;
mod observations;
mod observed;
mod probe;
mod probe_plan;

pub use observations::Error;
pub use preflight::Severity;

use observations::Observations;

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is, in a word that stays the same: `vip-missing`.
    pub cause: &'static str,
    /// What it is about: a backend, an interface, a VIP.
    pub subject: String,
    /// What is the matter, and what comes of it.
    pub finding: String,
    /// The command that fixes it, or what to do where no command does.
    pub remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}: {}: {}", self.severity, self.subject, self.cause, self.finding, self.remedy)
    }
}

/// What a finding may be, in the order in which one leads to the next: `docs/troubleshooting.md` explains each.
pub const CAUSES: [&str; 20] = [
    "interface",
    "no-way",
    "interface-down",
    "bridge",
    "router-down",
    "no-source",
    "host-down",
    "wrong-vlan",
    "address-twice",
    "mac-shared",
    "arp-leak",
    "forwards",
    "vip-missing",
    "no-decap",
    "tunnel-refused",
    "mtu",
    "firewall",
    "reply-lost",
    "application-down",
    "reported-down",
];

/// From the case to what is wrong. Pure.
type Check = fn(&Observations<'_>) -> Vec<Finding>;

/// All checks but those of the interfaces themselves, which are those of `dsr check`.
const CHECKS: [Check; 6] = [
    checks::neighbours::findings,
    checks::vlan::findings,
    checks::addresses::findings,
    checks::claims::findings,
    checks::backends::findings,
    checks::tunnels::findings,
];

/// Looks at everything. Errors come first. Must run inside a tokio runtime, in the network namespace of the agent; needs the
/// capabilities `CAP_NET_RAW` and `CAP_NET_ADMIN`.
pub async fn run(config: &Config) -> Result<Vec<Finding>, Error> {
    let mut findings: Vec<Finding> = preflight::run(config).await.into_iter().map(Finding::from).collect();
    let observations = Observations::gather(config).await?;
    findings.extend(CHECKS.iter().flat_map(|check| check(&observations)));
    findings.sort_by_key(|finding| finding.severity);
    Ok(findings)
}

impl From<preflight::Finding> for Finding {
    fn from(found: preflight::Finding) -> Self {
        let preflight::Finding { severity, interface, finding, remedy } = found;
        Self { severity, cause: "interface", subject: interface, finding, remedy }
    }
}
