//! `dsr run`: the agent of this node.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use crate::{agent, datapath::DEFAULT_PINS};
use anyhow::Context as _;

use super::{WRONG, output};

/// What `dsr run` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The configuration file, YAML.
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// Directory for maps and links that outlive the agent: on a BPF file system, one per agent.
    #[arg(long, value_name = "DIRECTORY", default_value = DEFAULT_PINS)]
    pins: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let result = runtime.block_on(agent::run(&args.config, &args.pins));
    // A reader that is at work still is not waited for.
    runtime.shutdown_timeout(Duration::from_millis(100));
    match result {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(agent::Error::Config(errors)) => {
            for problem in errors.problems() {
                output::complain(problem);
            }
            // A file that only contradicts this host may be in force at the next attempt, which the unit makes after a failure.
            Ok(if errors.are_of_host() { ExitCode::FAILURE } else { ExitCode::from(WRONG) })
        }
        Err(error) => Err(error.into()),
    }
}
