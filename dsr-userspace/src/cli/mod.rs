//! The command line. One file a subcommand.
//!
//! Exit codes: 0 fine, 1 a failure or a finding, 2 wrong usage or configuration.

mod backend;
mod check;
mod lab;
mod run;

use std::{io::IsTerminal, process::ExitCode};

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// An XDP Layer-4 load balancer with Direct Server Return.
#[derive(Debug, Parser)]
#[command(name = "dsr", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Balance on this node until SIGINT or SIGTERM; SIGHUP reads the file again.
    Run(run::Args),
    /// Say what is wrong with a configuration; change nothing.
    Check(check::Args),
    /// What is done on the real servers.
    Backend(backend::Args),
    /// Show it at work in network namespaces of its own: client, switch, balancer and backends.
    Lab(lab::Args),
}

/// Exit code for wrong usage and wrong configuration; clap's own is the same.
const WRONG: u8 = 2;

/// Runs the command line of this process and returns its exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr();
    let result = match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Check(args) => check::run(args),
        Command::Backend(args) => backend::run(&args),
        Command::Lab(args) => lab::run(&args),
    };
    result.unwrap_or_else(|error| {
        eprintln!("dsr: {error:#}");
        ExitCode::FAILURE
    })
}

/// Logs at `info` unless `DSR_LOG` says otherwise, for example `DSR_LOG=debug`.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("DSR_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let format = tracing_subscriber::fmt().with_env_filter(filter).with_target(false);
    // Colours are for eyes: in a file or a journal they keep a field's name from being found.
    format.with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr).init();
}
