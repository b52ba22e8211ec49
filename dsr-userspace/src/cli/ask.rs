//! What commands that ask an agent have in common: its socket, and what to say where it does not answer.

use std::{future::Future, path::PathBuf, process::ExitCode};

use anyhow::Context as _;

use super::{WRONG, output};
use crate::api::{self, Client, ClientError};

/// Where to ask.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Socket {
    /// The agent's admin API socket, `api` in its configuration
    #[arg(long, value_name = "PATH", default_value = api::SOCKET)]
    pub(crate) socket: PathBuf,
}

/// Sends a request to the agent. Without an answer, or with a refusal, the exit code is 2.
pub(crate) fn ask<F: Future<Output = anyhow::Result<ExitCode>>>(
    socket: &Socket,
    with: impl FnOnce(Client) -> F,
) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = runtime.context("cannot start the runtime")?.block_on(with(Client::new(&socket.socket)));
    result.or_else(|error| match error.downcast::<ClientError>() {
        Ok(error) => {
            output::complain(format_args!("dsr: {error}"));
            Ok(ExitCode::from(WRONG))
        }
        Err(error) => Err(error),
    })
}
