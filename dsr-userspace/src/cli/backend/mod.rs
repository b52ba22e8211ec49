//! `dsr backend`: what is done on, or for, the real servers.

mod setup;

use std::process::ExitCode;

/// Arguments of `dsr backend`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print a script that makes a real server a backend: it holds the VIPs and tells nobody.
    Setup(setup::Args),
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Setup(args) => setup::run(args),
    }
}
