//! What of this host would keep the program from balancing, told before it does, each with the command that fixes it.
//!
//! Facts are gathered by netlink and from /proc and /sys (`gather`), and judged by pure functions (`checks`). Nothing is
//! changed. What cannot be found out makes no finding.

use std::fmt;

use serde::Serialize;

use crate::config::{Config, Problem};

mod checks;
mod drivers;
mod facts;
mod features;
mod gather;
mod headroom;
mod links;

pub use headroom::{ETHERNET_MTU, Headroom, headroom};

/// Something that is not as the program needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The interface that it is about.
    pub interface: String,
    /// What is the matter, and what comes of it.
    pub finding: String,
    /// The command that fixes it, or what to write where no command does.
    pub remedy: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The program cannot be attached, or packets do not arrive.
    Error,
    /// It works, but less well than it could, or not in every case.
    Warning,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}: {}", self.severity, self.interface, self.finding, self.remedy)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// What a look at this host finds.
#[derive(Clone, Debug, Default)]
pub struct Examined {
    /// About its interfaces, errors first.
    pub findings: Vec<Finding>,
    /// About what the configuration says of it, each with its line.
    pub warnings: Vec<Problem>,
}

/// The findings of [`examine`].
pub async fn run(config: &Config) -> Vec<Finding> {
    examine(config).await.findings
}

/// Looks at the calling thread's network namespace as this configuration would use it.
///
/// Needs no privilege; with `CAP_SYS_ADMIN` it can say more of other programs, and knows the agent's own, which is no
/// finding, from them. Must run inside a tokio runtime.
pub async fn examine(config: &Config) -> Examined {
    match gather::gather(config).await {
        Ok(facts) => {
            let unreachable = checks::unreachable(&facts);
            let warnings = config.about_backends(|address| unreachable.get(&address).cloned());
            Examined { findings: checks::findings(&facts), warnings }
        }
        Err(error) => {
            tracing::warn!(%error, "cannot inspect the interfaces");
            Examined::default()
        }
    }
}
