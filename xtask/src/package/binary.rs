//! The binary of a package: built by the profile `dist`, its symbols split off.

use std::{
    env::consts::ARCH,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::version::Version;
use crate::{
    cargo, kernel,
    process::{self, step},
    source_paths,
    workspace::Workspace,
};

/// The most that the stripped binary may have.
const LARGEST: u64 = 15 << 20;

/// What the binary is linked with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Libc {
    /// The system's, dynamically.
    Gnu,
    /// Its own, statically.
    Musl,
}

/// A binary without symbols, and its symbols.
pub(super) struct Binary {
    pub(super) stripped: PathBuf,
    symbols: PathBuf,
}

impl Libc {
    fn target(self) -> String {
        let name = match self {
            Self::Gnu => "gnu",
            Self::Musl => "musl",
        };
        format!("{ARCH}-unknown-linux-{name}")
    }
}

/// Builds `dsr`. `object` is the kernel object that it embeds.
pub(super) fn build(workspace: &Workspace, libc: Libc, object: &Path, version: &Version) -> Result<Binary> {
    let target = libc.target();
    step(format_args!("building dsr for {target}; some minutes"));
    require_target(&target)?;
    let mut flags = source_paths::remapped(workspace);
    // Names the symbols' file; without the argument it depends on how the compiler was configured.
    flags.push("-Clink-arg=-Wl,--build-id=sha1".to_owned());
    let mut command = cargo::host(workspace);
    command.env(kernel::OBJECT_VARIABLE, object).env("DSR_VERSION", &version.text);
    command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f")).env("CFLAGS", source_paths::remapped_for_c(workspace));
    command.env("CC_x86_64_unknown_linux_musl", "musl-gcc").env("CC_aarch64_unknown_linux_musl", "musl-gcc");
    command.args([
        "build",
        "--locked",
        "--profile",
        "dist",
        "--package",
        "dsr-userspace",
        "--bin",
        "dsr",
        "--target",
        &target,
    ]);
    process::run_aside(&mut command)?;
    let built = workspace.user_target(&target).join("dist/dsr");
    split(&built, &workspace.packages().join(target))
}

/// Only rustup adds a target to a toolchain.
fn require_target(target: &str) -> Result<()> {
    let directory = process::read(Command::new("rustc").args(["--print", "target-libdir", "--target", target]))?;
    if Path::new(directory.trim()).is_dir() {
        return Ok(());
    }
    step(format_args!("adding {target} with rustup"));
    process::run_aside(Command::new("rustup").args(["target", "add", target]))
        .with_context(|| format!("the compiler has no libraries for {target}: install them"))
}

fn split(built: &Path, directory: &Path) -> Result<Binary> {
    fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
    let binary = Binary { stripped: directory.join("dsr"), symbols: directory.join("dsr.debug") };
    let mut symbols = Command::new("objcopy");
    symbols.args(["--only-keep-debug", "--compress-debug-sections"]).arg(built).arg(&binary.symbols);
    process::run_aside(&mut symbols)?;
    process::run_aside(Command::new("strip").arg("-o").arg(&binary.stripped).arg(built))?;
    let size = fs::metadata(&binary.stripped).context("reading the stripped binary's size")?.len();
    step(format_args!("dsr has {:.1} MiB without symbols", size as f64 / f64::from(1 << 20)));
    if size > LARGEST {
        bail!("dsr has {size} bytes without symbols; a package's may have {LARGEST}: `size -A` names its sections");
    }
    Ok(binary)
}

/// Puts the symbols where debuggers look for them, by the binary's build id.
pub(super) fn stage_symbols(binary: &Binary, root: &Path) -> Result<()> {
    let notes = process::read(Command::new("readelf").args(["--notes", "--wide"]).arg(&binary.stripped))?;
    let (first, rest) = build_id(&notes).context("the binary has no build id")?;
    let symbols = fs::read(&binary.symbols).context("reading the symbols")?;
    super::write(&root.join(format!("usr/lib/debug/.build-id/{first}/{rest}.debug")), symbols)
}

fn build_id(notes: &str) -> Option<(&str, &str)> {
    let id = notes.lines().find_map(|line| line.trim().split_once("Build ID: "))?.1.split_whitespace().next()?;
    id.split_at_checked(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_filed_by_build_id() {
        let notes = "Displaying notes found in: .note.gnu.build-id\n  Owner  Data size  Description\n  \
                     GNU    0x00000014   NT_GNU_BUILD_ID (unique build ID bitstring)     Build ID: 0bdc01ff\n";
        assert_eq!(build_id(notes), Some(("0b", "dc01ff")));
        assert_eq!(build_id("nothing"), None);
    }
}
