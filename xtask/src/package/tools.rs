//! Cargo's subcommands for packages, built once below `target/tools`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::version::Version;
use crate::{
    cargo,
    process::{self, step},
    workspace::Workspace,
};

/// A tool from crates.io.
pub(super) struct Tool {
    name: &'static str,
    version: &'static str,
}

pub(super) const DEB: Tool = Tool { name: "cargo-deb", version: "3.8.0" };
pub(super) const RPM: Tool = Tool { name: "cargo-generate-rpm", version: "0.21.1" };
pub(super) const SBOM: Tool = Tool { name: "cargo-cyclonedx", version: "0.5.9" };

/// The tool's path, built where it is not there in this version.
pub(super) fn find(workspace: &Workspace, tool: &Tool) -> Result<PathBuf> {
    let _lock = workspace.lock()?;
    let Tool { name, version } = tool;
    let file = workspace.tools().join("bin").join(name);
    if !is_installed(workspace, tool) {
        step(format_args!("building {name} {version}; once, about a minute"));
        let mut command = cargo::isolated(workspace, &cargo::caller());
        command.args(["install", name, "--version", version, "--quiet", "--locked", "--root"]).arg(workspace.tools());
        // Or rustup takes what a dependency's rust-toolchain file names.
        if let Some(toolchain) = env::var_os("RUSTUP_TOOLCHAIN") {
            command.env("RUSTUP_TOOLCHAIN", toolchain);
        }
        process::run_aside(&mut command)?;
    }
    step(format_args!("{name} {version} ({})", workspace.shown(&file)));
    Ok(file)
}

/// A tool as cargo would start it, everything that it makes bearing the commit's time.
pub(super) fn command(workspace: &Workspace, tool: &Path, subcommand: &str, version: &Version) -> Command {
    let mut command = cargo::host(workspace);
    let cargo = command.get_program().to_owned();
    let mut started = Command::new(tool);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => started.env(name, value),
            None => started.env_remove(name),
        };
    }
    command = started;
    command.current_dir(workspace.root()).env("CARGO", cargo).env("SOURCE_DATE_EPOCH", version.seconds.to_string());
    command.arg(subcommand);
    command
}

/// By cargo's own list of what it installed.
fn is_installed(workspace: &Workspace, tool: &Tool) -> bool {
    let list = fs::read_to_string(workspace.tools().join(".crates.toml")).context("reading cargo's list");
    list.is_ok_and(|list| list.contains(&format!("\"{} {} ", tool.name, tool.version)))
}
