//! `dsr backend`: what is done on, or for, the real servers.

mod run;
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
    /// Print a script that sets up a host as a backend: it holds the VIPs without announcing them.
    Setup(setup::Args),
    /// Run a backend's agent: it ends the balancers' tunnels, or turns DSCP codes back into VIPs, by an XDP program.
    Run(run::Args),
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Setup(args) => setup::run(args),
        Command::Run(args) => run::run(args),
    }
}
