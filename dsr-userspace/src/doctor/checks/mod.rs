//! From the case to findings. Pure.

pub(super) mod addresses;
mod application;
pub(super) mod backends;
pub(super) mod claims;
pub(super) mod neighbours;
pub(super) mod tunnels;
pub(super) mod vlan;

use super::{CAUSES, Finding, Severity};

fn finding(
    severity: Severity,
    cause: &'static str,
    subject: impl Into<String>,
    finding: impl Into<String>,
    remedy: impl Into<String>,
) -> Finding {
    debug_assert!(CAUSES.contains(&cause), "{cause} is no cause");
    Finding { severity, cause, subject: subject.into(), finding: finding.into(), remedy: remedy.into() }
}
