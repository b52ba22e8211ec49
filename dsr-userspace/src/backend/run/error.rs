//! What can go wrong with a backend's agent.

use std::{collections::BTreeSet, io};

use crate::{config, datapath, metrics, tasks};

/// Why a backend's agent cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is wrong.
    #[error(transparent)]
    Config(#[from] config::Errors),
    /// An interface of the file is not there.
    #[error("this host has no interface {0}: write one of those that it has: {list}", list = listed(.1))]
    NoInterface(String, BTreeSet<String>),
    /// The kernel refused the program or a map.
    #[error(transparent)]
    Datapath(#[from] datapath::Error),
    /// Metrics cannot be served.
    #[error(transparent)]
    Metrics(#[from] metrics::Error),
    /// The host cannot be observed.
    #[error("cannot open an rtnetlink socket: {0}")]
    Socket(#[source] io::Error),
    /// The kernel did not answer as expected.
    #[error("cannot list the links and addresses of this host by rtnetlink: {0}")]
    List(#[source] rtnetlink::Error),
    /// The events ended.
    #[error("the rtnetlink socket was closed: restart the agent")]
    Closed,
    /// The state directory cannot be used in a script.
    #[error("--state: {0}")]
    State(String),
    /// The record of the set-up cannot be read.
    #[error("cannot read {0}: {1}")]
    Record(String, #[source] io::Error),
    /// A VIP cannot be held or released.
    #[error("cannot {0}: {1}; to hold the VIPs by other means write `hold_vips: false`")]
    Script(&'static str, String),
    /// Signals cannot be received.
    #[error("cannot receive signals: {0}")]
    Signals(#[source] io::Error),
    /// A task ended.
    #[error(transparent)]
    Task(tasks::Ended),
}

fn listed(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}
