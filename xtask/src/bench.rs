//! `cargo xtask bench`: builds the kernel objects and runs a measurement, as root.

use std::ffi::OsString;

use anyhow::Result;
use clap::Args;

use crate::{cargo, kernel, process, workspace::Workspace};

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Measure the cost of health checks in the agent, instead of the cost of packets in the program.
    #[arg(long)]
    health: bool,
    /// Measure the agent's own operations: start, changes, reloads, status, scrapes
    #[arg(long, conflicts_with = "health")]
    control: bool,
    /// Passed on to the measurement; see `cargo xtask bench -- --help`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

/// The subcommand.
pub(crate) fn task(workspace: &Workspace, options: &Options) -> Result<()> {
    let object = kernel::build(workspace)?;
    let bench = match options {
        Options { health: true, .. } => "bench-health",
        Options { control: true, .. } => "bench-control",
        _ => "bench",
    };
    if options.health || options.control {
        // The measurement starts it.
        let mut dsr = cargo::host(workspace);
        dsr.env(kernel::OBJECT_VARIABLE, &object).args(["build", "--release", "--package", "dsr-userspace"]);
        process::run_aside(&mut dsr)?;
    }
    let mut command = cargo::host(workspace);
    cargo::run_as_root(&mut command)?;
    command.env(kernel::OBJECT_VARIABLE, object);
    command.args(["run", "--release", "--package", "dsr-tests", "--bin", bench, "--"]).args(&options.args);
    process::become_program(&mut command)
}
