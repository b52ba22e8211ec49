//! `cargo xtask lint`: format and lints, warnings being errors. `dsr-ebpf` is empty on this machine's own target, so
//! that it is linted apart, by the compiler that builds it.

use std::path::Path;

use anyhow::Result;

use crate::{
    cargo, kernel, kernel_lint,
    process::{self, step},
    workspace::Workspace,
};

/// The subcommand.
pub(crate) fn task(workspace: &Workspace) -> Result<()> {
    format(workspace)?;
    clippy(workspace, &kernel::build(workspace)?)
}

/// Whether every file is formatted.
pub(crate) fn format(workspace: &Workspace) -> Result<()> {
    step("checking the format");
    process::run_aside(cargo::host(workspace).args(["fmt", "--all", "--check"]))
}

/// Clippy on all targets. `object` is the kernel object that `dsr` embeds.
pub(crate) fn clippy(workspace: &Workspace, object: &Path) -> Result<()> {
    step("checking the lints");
    let mut command = cargo::host(workspace);
    command.env(kernel::OBJECT_VARIABLE, object);
    command.args(["clippy", "--workspace", "--exclude", "dsr-ebpf", "--all-targets", "--", "-D", "warnings"]);
    process::run_aside(&mut command)?;
    kernel_lint::run(workspace)
}
