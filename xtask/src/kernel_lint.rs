//! Clippy on the kernel side, by the compiler that builds it: clippy is a rustc, and has to be of the same version.

use std::path::PathBuf;

use anyhow::Result;

use crate::{
    archive::{self, State},
    compiler::{self, Compiler},
    kernel,
    process::{self, step},
    workspace::Workspace,
};

/// Debian's package for the compiler of `rustc-web`.
const DEBIAN: &str = "rust-web-clippy";
/// The program, beside rustc where rustup put it.
const DRIVER: &str = "clippy-driver";
/// Makes clippy treat warnings as errors; it splits its arguments at this word.
const DENY_WARNINGS: &str = "-Dwarnings__CLIPPY_HACKERY__";

/// Runs clippy on the kernel side. Where there is none for its compiler, that is said, and nothing is found.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let _lock = workspace.lock()?;
    let compiler = compiler::find(workspace)?;
    let Some(driver) = driver(workspace, &compiler) else {
        step(format_args!("kernel side: not linted, because there is no clippy of {compiler}"));
        return Ok(());
    };
    let mut command = kernel::cargo(workspace, &compiler, "check")?;
    command.env("RUSTC_WORKSPACE_WRAPPER", driver).env("CLIPPY_ARGS", DENY_WARNINGS);
    process::run_aside(&mut command)
}

/// The compiler's own clippy, or Debian's, unpacked and not installed.
fn driver(workspace: &Workspace, compiler: &Compiler) -> Option<PathBuf> {
    let own = compiler.rustc.with_file_name(DRIVER);
    if own.is_file() {
        return Some(own);
    }
    let version = compiler.debian_version()?;
    let (directory, wanted) = (workspace.tools().join("clippy"), format!("{DEBIAN} for {compiler}"));
    let archive = match archive::state(&directory, &wanted) {
        State::Filled(archive) => archive,
        State::Empty => match archive::fill(&directory, &wanted, &[format!("{DEBIAN}={version}")], |_| Ok(())) {
            Ok(archive) => archive,
            Err(error) => {
                step(format_args!("kernel side: {error:#}"));
                return None;
            }
        },
    };
    Some(archive.root.join("usr/bin").join(DRIVER))
}
