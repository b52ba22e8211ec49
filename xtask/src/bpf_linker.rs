//! bpf-linker, built for one major version of LLVM and kept below `target/tools`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    apt, cargo,
    process::{self, step},
    workspace::Workspace,
};

const VERSION: &str = "0.10.3";
/// The LLVM versions that this bpf-linker has a feature for.
const LLVM_VERSIONS: [u32; 3] = [20, 21, 22];

/// Whether a bpf-linker for this LLVM is there or can be built: LLVM's libraries are installed, or apt knows them.
pub(crate) fn possible(workspace: &Workspace, llvm: u32) -> bool {
    if !LLVM_VERSIONS.contains(&llvm) {
        return false;
    }
    is_built(workspace, llvm) || prefix(llvm).join("bin/llvm-config").is_file() || apt::knows(&dev_package(llvm))
}

/// The LLVM versions it can be built with, for messages.
pub(crate) fn llvm_versions() -> String {
    LLVM_VERSIONS.map(|version| version.to_string()).join(", ")
}

/// The path of a bpf-linker for this LLVM, built where it is not there yet.
pub(crate) fn find(workspace: &Workspace, llvm: u32) -> Result<PathBuf> {
    let file = binary(workspace);
    if !is_built(workspace, llvm) {
        build(workspace, llvm)?;
    }
    step(format_args!("bpf-linker {VERSION} for LLVM {llvm} ({})", workspace.shown(&file)));
    Ok(file)
}

/// LLVM's objcopy, which knows BPF; it comes with the libraries that bpf-linker is built with.
pub(crate) fn objcopy(llvm: u32) -> PathBuf {
    prefix(llvm).join("bin/llvm-objcopy")
}

fn build(workspace: &Workspace, llvm: u32) -> Result<()> {
    if apt::exists() {
        apt::install(&[&dev_package(llvm), "zlib1g-dev", "libzstd-dev"])?;
    }
    step(format_args!("building bpf-linker {VERSION} for LLVM {llvm}; once, about a minute"));
    let _ = fs::remove_file(stamp_file(workspace));
    let mut command = cargo::isolated(workspace, &cargo::caller());
    // The caller's toolchain compiles it; only the caller's flags are kept away.
    if let Some(toolchain) = env::var_os("RUSTUP_TOOLCHAIN") {
        command.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    command.args(["install", "bpf-linker", "--quiet", "--locked", "--force", "--no-default-features"]);
    command.args(["--version", VERSION, "--features", &format!("llvm-{llvm}"), "--root"]).arg(workspace.tools());
    process::run_aside(command.env("LLVM_PREFIX", prefix(llvm)))?;
    fs::write(stamp_file(workspace), stamp(llvm)).context("noting which bpf-linker was built")
}

/// Built for this LLVM, and able to start: it needs the very libLLVM that it was linked with.
fn is_built(workspace: &Workspace, llvm: u32) -> bool {
    let stamped = fs::read_to_string(stamp_file(workspace)).is_ok_and(|text| text == stamp(llvm));
    stamped && process::read(Command::new(binary(workspace)).arg("--version")).is_ok()
}

fn binary(workspace: &Workspace) -> PathBuf {
    workspace.tools().join("bin/bpf-linker")
}

fn stamp_file(workspace: &Workspace) -> PathBuf {
    workspace.tools().join("bpf-linker.stamp")
}

fn stamp(llvm: u32) -> String {
    format!("bpf-linker {VERSION} llvm-{llvm}\n")
}

/// Where Debian's packages put an LLVM.
fn prefix(llvm: u32) -> PathBuf {
    Path::new("/usr/lib").join(format!("llvm-{llvm}"))
}

fn dev_package(llvm: u32) -> String {
    format!("llvm-{llvm}-dev")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_for_one_version_and_one_llvm() {
        assert_ne!(stamp(21), stamp(22));
        assert!(stamp(22).contains(VERSION));
    }

    #[test]
    fn packages_and_paths_follow_debian() {
        assert_eq!(dev_package(22), "llvm-22-dev");
        assert_eq!(prefix(22), Path::new("/usr/lib/llvm-22"));
    }
}
