//! A program that the operator wrote: exit code 0 is a pass.

use std::process::Stdio;

use dsr_common::probe;
use tokio::process::Command;

use super::{Failure, Names, Way};

/// Runs it. When this is dropped before it ends, it is killed.
pub(super) async fn run(command: &[String], way: &Way, names: &Names<'_>) -> Result<(), Failure> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Failure::Unsent("there is no command".to_owned()));
    };
    let mut child = Command::new(program);
    child.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    child.env("DSR_SERVICE", names.service).env("DSR_BACKEND", names.backend);
    child.env("DSR_ADDRESS", names.address.to_string()).env("DSR_VIP", way.to.ip().to_string());
    child.env("DSR_PORT", way.to.port().to_string()).env("DSR_SOURCE", way.from.to_string());
    if let Some(number) = way.number {
        child.env("DSR_MARK", probe::mark(number).to_string());
    }
    let status = child.status().await.map_err(|error| Failure::Unsent(format!("{program}: {error}")))?;
    if status.success() { Ok(()) } else { Err(Failure::Wrong(format!("{program} ends with {status}"))) }
}
