//! `dsr backend run`: the agent of a backend.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context as _;

use crate::{
    backend::{self, DEFAULT_STATE, Options},
    cli::{WRONG, output},
    datapath::DEFAULT_BACKEND_PINS,
};

/// Arguments of `dsr backend run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The configuration file, YAML
    #[arg(short, long, value_name = "FILE", required_unless_present = "undo")]
    config: Option<PathBuf>,
    /// Instead of running, remove what a terminated agent left behind: the program, and the VIPs that it held
    #[arg(long, conflicts_with = "config")]
    undo: bool,
    /// Directory for links and counters that outlive the agent: on a BPF file system, one per agent
    #[arg(long, value_name = "DIRECTORY", default_value = DEFAULT_BACKEND_PINS)]
    pins: PathBuf,
    /// Directory for the record of the VIPs that the agent put on the loopback, and of the settings that it changed
    #[arg(long, value_name = "DIRECTORY", default_value = DEFAULT_STATE)]
    state: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let options = Options { pins: args.pins.clone(), state: args.state.clone() };
    let result = match &args.config {
        Some(file) => runtime.block_on(backend::run(file, &options)),
        None => runtime.block_on(backend::undo(&options)),
    };
    // A scrape that is being answered is not waited for.
    runtime.shutdown_timeout(Duration::from_millis(100));
    match result {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(backend::Error::Config(errors)) => {
            for problem in errors.problems() {
                output::complain(problem);
            }
            Ok(ExitCode::from(WRONG))
        }
        Err(error @ backend::Error::State(_)) => {
            output::complain(format_args!("dsr: {error}"));
            Ok(ExitCode::from(WRONG))
        }
        Err(error) => Err(error.into()),
    }
}
