//! Why a lab could not be built or used.

use std::{fmt, io, process::ExitStatus, time::Duration};

/// What a lab's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a lab could not be built or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Network namespaces need root.
    #[error("the lab makes network namespaces, which needs root: run it with sudo")]
    NotRoot,
    /// The caller's [`super::Stop`] was set while the lab was being built.
    #[error("told to stop while the lab was being built")]
    Stopped,
    /// A system call failed.
    #[error("cannot {action}: {cause}")]
    System {
        /// What was tried, as "cannot ..." continues.
        action: String,
        /// What the kernel said.
        cause: io::Error,
    },
    /// The switch cannot take what the balancer sends.
    #[error("cannot prepare the switch for XDP: {0}")]
    Switch(#[from] crate::programs::Error),
    /// A netlink request failed.
    #[error("cannot {action}: {cause}")]
    Netlink {
        /// What was tried, as "cannot ..." continues.
        action: String,
        /// What the kernel said.
        cause: Box<rtnetlink::Error>,
    },
    /// The agent ended by itself.
    #[error("the agent ended by itself ({status}); the end of its log:\n{log}")]
    AgentEnded {
        /// How it ended.
        status: ExitStatus,
        /// The last lines that it wrote.
        log: String,
    },
    /// The agent's metrics did not show in time what was waited for.
    #[error("the agent did not show {what} within {} s ({last}); the end of its log:\n{log}", .within.as_secs())]
    AgentNotReady {
        /// What was waited for.
        what: String,
        /// How long.
        within: Duration,
        /// What the last scrape said.
        last: String,
        /// The last lines that it wrote.
        log: String,
    },
    /// The agent's metrics could not be read.
    #[error("cannot read the agent's metrics: {0}")]
    Scrape(String),
    /// A lab without an agent was asked for what only an agent has.
    #[error("this lab has no agent: name its program when building the lab")]
    NoAgent,
}

/// Says what was being done when a call failed.
pub(crate) trait Doing<T> {
    /// The value, or [`Error`] with `action`, which continues "cannot ...".
    fn doing<A: fmt::Display>(self, action: impl FnOnce() -> A) -> Result<T>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing<A: fmt::Display>(self, action: impl FnOnce() -> A) -> Result<T> {
        self.map_err(|cause| Error::System { action: action().to_string(), cause })
    }
}

impl<T> Doing<T> for rustix::io::Result<T> {
    fn doing<A: fmt::Display>(self, action: impl FnOnce() -> A) -> Result<T> {
        self.map_err(io::Error::from).doing(action)
    }
}

impl<T> Doing<T> for std::result::Result<T, rtnetlink::Error> {
    fn doing<A: fmt::Display>(self, action: impl FnOnce() -> A) -> Result<T> {
        self.map_err(|cause| Error::Netlink { action: action().to_string(), cause: Box::new(cause) })
    }
}
