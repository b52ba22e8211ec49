//! Toolchains that rustup installed: which there are, and adding the library sources to one.

use std::{env, fs, path::PathBuf, process::Command};

use crate::{
    compiler::Compiler,
    process::{self, step},
};

/// How long adding a component may take before it counts as impossible, in seconds.
const PATIENCE: &str = "60";

/// Every toolchain's compiler, asked directly: rustup's own listing differs between its versions.
pub(crate) fn compilers() -> Vec<Compiler> {
    let Some(toolchains) = home().map(|home| home.join("toolchains")) else { return Vec::new() };
    let Ok(entries) = fs::read_dir(toolchains) else { return Vec::new() };
    let mut rustcs: Vec<_> = entries.flatten().map(|entry| entry.path().join("bin/rustc")).collect();
    rustcs.sort();
    rustcs.iter().filter(|rustc| rustc.is_file()).filter_map(|rustc| Compiler::at(rustc).ok()).collect()
}

/// Whether a toolchain of rustup's is a nightly.
pub(crate) fn is_nightly(compiler: &Compiler) -> bool {
    compiler.version.is_nightly() && home().is_some_and(|home| compiler.rustc.starts_with(home))
}

/// Adds the library sources to a toolchain; false where that is impossible, for example offline.
pub(crate) fn add_sources(compiler: &Compiler) -> bool {
    let Some(name) = compiler.rustc.ancestors().nth(2).and_then(|dir| dir.file_name()) else { return false };
    step(format_args!("kernel side: adding rust-src to rustup's {}", name.to_string_lossy()));
    let mut command = Command::new("timeout");
    command.args([PATIENCE, "rustup", "component", "add", "rust-src", "--toolchain"]).arg(name);
    match process::read(&mut command) {
        Ok(_) => true,
        Err(error) => {
            let reason = format!("{error:#}");
            step(format_args!("rustup cannot add it: {}", reason.lines().last().unwrap_or_default()));
            false
        }
    }
}

fn home() -> Option<PathBuf> {
    env::var_os("RUSTUP_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".rustup")))
}
