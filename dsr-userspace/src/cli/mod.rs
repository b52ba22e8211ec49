//! The command line. One file a subcommand.
//!
//! Exit codes: 0 fine, 1 a failure or a finding, 2 wrong usage or configuration.

mod ask;
mod backend;
mod check;
mod detach;
mod diagnosis;
mod doctor;
mod duration;
mod endpoint;
mod explain;
mod interrupts;
mod lab;
mod output;
mod overrides;
mod preview;
mod reload;
mod run;
mod status;
mod table;
mod trace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::log::Log;

/// An XDP Layer-4 load balancer with Direct Server Return.
#[derive(Debug, Parser)]
#[command(name = "dsr", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Balance on this node until SIGINT or SIGTERM; SIGHUP reads the file again, SIGUSR1 leaves all to the next agent.
    Run(run::Args),
    /// Say what is wrong with a configuration; change nothing.
    Check(check::Args),
    /// Have the agent read its file again, and say whether it is in force now, or what is wrong with it.
    Reload(reload::Args),
    /// Show what the agent of this node does: interfaces, services, backends, and what is wrong.
    Status(status::Args),
    /// Show what becomes of the packets of a client to a VIP, while they come.
    Trace(trace::Args),
    /// Show where the packets of a flow go, and why.
    Explain(explain::Args),
    /// Give a backend no new flows; it keeps those that it has.
    Drain(overrides::Args),
    /// Take back what `dsr drain` or `dsr weight` said: the file's weight counts again.
    Undrain(overrides::Args),
    /// Give a backend another weight than the file's.
    Weight(overrides::WeightArgs),
    /// Take away what an agent left that was killed or has handed over: then the VIPs are no longer answered.
    Detach(detach::Args),
    /// What is done on the real servers.
    Backend(backend::Args),
    /// Say what is wrong with this balancer's network and its backends, and how to fix it; change nothing.
    Doctor(doctor::Args),
    /// Show it at work in network namespaces of its own: client, switch, balancer and backends.
    Lab(lab::Args),
}

/// The file that the agent of a node reads unless another one is named.
const CONFIGURATION: &str = "/etc/dsr/dsr.yaml";

/// Exit code for wrong usage and wrong configuration; clap's own is the same.
const WRONG: u8 = 2;

/// Runs the command line of this process and returns its exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // What the doctor has to say stands in its findings.
    let _log = Log::start(if matches!(cli.command, Command::Doctor(_)) { "error" } else { "info" });
    let result = match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Check(args) => check::run(args),
        Command::Reload(args) => reload::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Trace(args) => trace::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Drain(args) => overrides::drain(&args),
        Command::Undrain(args) => overrides::undrain(&args),
        Command::Weight(args) => overrides::weight(&args),
        Command::Detach(args) => detach::run(&args),
        Command::Backend(args) => backend::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Lab(args) => lab::run(&args),
    };
    result.unwrap_or_else(|error| {
        if output::is_unread(&error) {
            return ExitCode::SUCCESS;
        }
        output::complain(format_args!("dsr: {}", output::chain(&error)));
        ExitCode::FAILURE
    })
}
