//! The command line. One file a subcommand.
//!
//! Exit codes: 0 fine, 1 a failure or a finding, 2 wrong usage or configuration.

mod ask;
mod backend;
mod check;
mod completions;
mod detach;
mod diagnosis;
mod doctor;
mod endpoint;
mod examples;
mod explain;
mod given;
mod interrupts;
mod lab;
mod man;
mod output;
mod overrides;
mod preview;
mod reload;
mod run;
mod status;
mod table;
mod trace;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::log::Log;

/// An XDP Layer-4 load balancer with Direct Server Return.
#[derive(Debug, Parser)]
#[command(name = NAME, version = env!("DSR_VERSION"), arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the agent until SIGINT or SIGTERM; SIGHUP reloads the file, SIGUSR1 hands over to the next agent.
    Run(run::Args),
    /// Validate a configuration, by itself and against this host; change nothing.
    Check(check::Args),
    /// Make the agent reload its file, and print the result or the errors.
    Reload(reload::Args),
    /// Show the agent's interfaces, services, backends and findings.
    Status(status::Args),
    /// Trace packets to the VIPs live, with the decision for each.
    Trace(trace::Args),
    /// Show which backend receives a flow, and why.
    Explain(explain::Args),
    /// Send no new flows to a backend; its existing flows continue.
    Drain(overrides::Args),
    /// Remove the override set by `dsr drain` or `dsr weight`: the configured weight applies again.
    Undrain(overrides::Args),
    /// Override a backend's configured weight.
    Weight(overrides::WeightArgs),
    /// Remove the program, links and maps left behind by a terminated agent: the VIPs stop answering.
    Detach(detach::Args),
    /// Set up a backend, or run its half of a tunnel.
    Backend(backend::Args),
    /// Diagnose this balancer's network and backends, with a remedy for each finding; change nothing.
    Doctor(doctor::Args),
    /// Run a demo in network namespaces: client, switch, balancer and backends.
    Lab(lab::Args),
    /// Print the script that completes `dsr` in a shell.
    Completions(completions::Args),
    /// Write the man pages to a directory.
    ManPages(man::Args),
}

/// The program's name on a command line.
const NAME: &str = "dsr";

/// The file that the agent of a node reads unless another one is named.
const CONFIGURATION: &str = "/etc/dsr/dsr.yaml";

/// Exit code for wrong usage and wrong configuration; clap's own is the same.
const WRONG: u8 = 2;

/// Runs the command line of this process and returns its exit code.
pub fn main() -> ExitCode {
    let cli = Cli::from_arg_matches(&command().get_matches()).unwrap_or_else(|error| error.exit());
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
        Command::Completions(args) => completions::run(&args),
        Command::ManPages(args) => man::run(&args),
    };
    result.unwrap_or_else(|error| {
        if output::is_unread(&error) {
            return ExitCode::SUCCESS;
        }
        output::complain(format_args!("dsr: {}", output::chain(&error)));
        ExitCode::FAILURE
    })
}

/// The whole command line, as help, completions and man pages describe it.
fn command() -> clap::Command {
    examples::add(Cli::command())
}
