//! `cargo xtask simulate`: how many flows break when balancers and backends change. It needs no root: nothing is loaded.

use std::ffi::OsString;

use anyhow::Result;
use clap::Args;

use crate::{cargo, kernel, process, workspace::Workspace};

/// What to simulate.
#[derive(Args)]
pub(crate) struct Options {
    /// Passed on to the simulation; see `cargo xtask simulate -- --help`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

/// The subcommand.
pub(crate) fn task(workspace: &Workspace, options: &Options) -> Result<()> {
    // The library that holds the table embeds the kernel object.
    let object = kernel::build(workspace)?;
    let mut command = cargo::host(workspace);
    command.env(kernel::OBJECT_VARIABLE, object);
    command.args(["run", "--release", "--package", "dsr-tests", "--bin", "simulate", "--"]).args(&options.args);
    process::become_program(&mut command)
}
