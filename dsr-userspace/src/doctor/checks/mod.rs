//! From the case to findings. Pure.

pub(super) mod addresses;
mod application;
pub(super) mod backends;
pub(super) mod claims;
pub(super) mod neighbours;
pub(super) mod vlan;

use super::{Finding, Severity};

fn finding(
    severity: Severity,
    cause: &'static str,
    subject: impl Into<String>,
    finding: impl Into<String>,
    mend: impl Into<String>,
) -> Finding {
    Finding { severity, cause, subject: subject.into(), finding: finding.into(), mend: mend.into() }
}
