//! The kernel side: `dsr-ebpf` compiled for BPF. Its objects end in `target/bpf`, one a program, without DWARF and with BTF,
//! and are touched only when their bytes change, because the user side is rebuilt when they are.

use std::{
    env::consts::ARCH,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    bpf_linker, cargo,
    compiler::{self, Compiler},
    process::{self, step},
    source_paths,
    workspace::Workspace,
};

/// BPF in the byte order of this machine.
const TARGET: &str = if cfg!(target_endian = "big") { "bpfeb-unknown-none" } else { "bpfel-unknown-none" };
/// The program that `dsr` embeds.
const EMBEDDED: &str = "dsr";
/// Names the object to the build script of the user side.
pub(crate) const OBJECT_VARIABLE: &str = "DSR_EBPF_OBJECT";

/// Builds all kernel objects and returns the path of the one that `dsr` embeds.
pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf> {
    let _lock = workspace.lock()?;
    let compiler = compiler::find(workspace)?;
    step(format_args!("kernel side: {compiler} with its library sources"));
    process::run_aside(&mut cargo(workspace, &compiler, "build")?)?;
    for built in programs(&workspace.kernel_target().join(TARGET).join("release"))? {
        deliver(workspace, &built, compiler.llvm)?;
    }
    let object = workspace.kernel_objects().join(EMBEDDED);
    if !object.is_file() {
        bail!("dsr-ebpf has no program called {EMBEDDED}");
    }
    Ok(object)
}

/// A subcommand of cargo for the kernel side, such as `build`.
pub(crate) fn cargo(workspace: &Workspace, compiler: &Compiler, subcommand: &str) -> Result<Command> {
    let linker = bpf_linker::find(workspace, compiler.llvm)?;
    let mut command = cargo::isolated(workspace, &compiler.cargo);
    // A release compiler refuses -Z options without RUSTC_BOOTSTRAP.
    command.env("RUSTC", &compiler.rustc).env("RUSTC_BOOTSTRAP", "1");
    let mut flags = flags(&linker);
    // BTF names source files, which the verifier's messages show.
    flags.extend(source_paths::remapped(workspace));
    command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    command.args([subcommand, "--package", "dsr-ebpf", "--bins", "--release", "-Zbuild-std=core"]);
    command.args(["--target", TARGET, "--target-dir"]).arg(workspace.kernel_target());
    Ok(command)
}

fn flags(linker: &Path) -> Vec<String> {
    vec![
        // aya-ebpf describes the registers of the machine that the program will run on.
        format!("--cfg=bpf_target_arch=\"{ARCH}\""),
        "-Cdebuginfo=2".into(),
        "-Clink-arg=--btf".into(),
        "-Ctarget-cpu=v3".into(),
        // Given to the linker, which generates the code: as a feature of rustc it draws a warning a crate.
        "-Clink-arg=--cpu-features=+allows-misaligned-mem-access".into(),
        format!("-Clinker={}", linker.display()),
    ]
}

/// The programs in cargo's output directory: those files that have a list of dependencies beside them.
fn programs(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let path = entry?.path();
        if path.extension().is_none() && path.is_file() && path.with_extension("d").is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Puts a built program where the user side takes it from, unless the same bytes are there. DWARF stays behind: the kernel
/// reads only BTF, and `dsr` would carry four fifths of each object for nothing.
fn deliver(workspace: &Workspace, built: &Path, llvm: u32) -> Result<()> {
    let name = built.file_name().context("a program without a name")?;
    let object = workspace.kernel_objects().join(name);
    let stripped = built.with_extension("stripped");
    process::run_aside(Command::new(bpf_linker::objcopy(llvm)).arg("--strip-debug").arg(built).arg(&stripped))?;
    let bytes = fs::read(&stripped).with_context(|| format!("reading {}", stripped.display()))?;
    let news = if fs::read(&object).is_ok_and(|old| old == bytes) { "unchanged" } else { "new" };
    if news == "new" {
        let unfinished = object.with_extension("tmp");
        fs::create_dir_all(workspace.kernel_objects()).context("creating target/bpf")?;
        fs::write(&unfinished, bytes).with_context(|| format!("writing {}", unfinished.display()))?;
        fs::rename(&unfinished, &object).with_context(|| format!("writing {}", object.display()))?;
    }
    step(format_args!("kernel object {} ({news})", workspace.shown(&object)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_name_the_linker_and_this_machine() {
        let flags = flags(Path::new("/tools/bpf-linker"));
        assert!(flags.contains(&"-Clinker=/tools/bpf-linker".to_owned()));
        assert!(flags.contains(&format!("--cfg=bpf_target_arch=\"{ARCH}\"")));
    }
}
