//! `cargo xtask package`: the .deb, the .rpm, their packages of symbols and a static tarball, in `target/package`.
//!
//! Times are the commit's and paths of this machine are left out, so that two builds can be compared.

mod binary;
mod contents;
mod debian;
mod licences;
mod sbom;
mod tools;
mod trial;
mod version;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use binary::Libc;
use clap::Args;
use contents::Format;
use version::Version;

use crate::{
    apt, kernel,
    process::{self, step},
    workspace::Workspace,
};

/// What to make of the packages.
#[derive(Args)]
pub(crate) struct Options {
    /// Also try the .deb: install, upgrade, downgrade, remove and purge it, in a chroot and under systemd with traffic.
    #[arg(long)]
    check: bool,
}

/// The programs that packaging runs, with their Debian packages.
const PROGRAMS: [&str; 3] = ["binutils", "dpkg-dev", "musl-tools"];

/// The subcommand.
pub(crate) fn task(workspace: &Workspace, options: &Options) -> Result<()> {
    apt::install(&PROGRAMS)?;
    let version = Version::of(workspace)?;
    step(format_args!("packaging dsr {}", version.text));
    let output = workspace.packages();
    let _ = fs::remove_dir_all(&output);
    fs::create_dir_all(&output).context("creating target/package")?;
    let object = kernel::build(workspace)?;
    let (notices, sbom) = (licences::notices(workspace)?, sbom::generate(workspace, &version)?);
    let generated = contents::Generated { date: version.date.clone(), notices, sbom };
    let dynamic = binary::build(workspace, Libc::Gnu, &object, &version)?;
    let symbols = output.join("symbols");
    for format in [Format::Deb, Format::Rpm] {
        contents::stage(workspace, &output.join(format.name()), format, &dynamic, &generated)?;
    }
    binary::stage_symbols(&dynamic, &symbols)?;
    let mut made = debs(workspace, &version)?;
    made.extend(rpms(workspace, &version)?);
    let portable = binary::build(workspace, Libc::Musl, &object, &version)?;
    made.push(tarball(workspace, &version, &portable, &generated)?);
    for file in &made {
        let sum = process::read(Command::new("sha256sum").arg(file))?;
        step(format_args!("{} {}", workspace.shown(file), sum.split(' ').next().unwrap_or_default()));
    }
    if options.check {
        trial::check(workspace, &made[0], &version)?;
    }
    Ok(())
}

/// The package and its symbols.
fn debs(workspace: &Workspace, version: &Version) -> Result<Vec<PathBuf>> {
    let tool = tools::find(workspace, &tools::DEB)?;
    let mut made = Vec::new();
    for (variant, name) in [(None, "dsr"), (Some("symbols"), "dsr-dbgsym")] {
        let file = workspace.packages().join(format!("{name}_{}_{}.deb", version.text, debian_architecture()?));
        let mut command = tools::command(workspace, &tool, "deb", version);
        command.args(["--package", "dsr-userspace", "--no-build", "--no-strip", "--quiet", "--locked"]);
        command.args(["--deb-version", &version.text, "--output"]).arg(&file);
        command.args(variant.map(|variant| format!("--variant={variant}")));
        process::run_aside(&mut command)?;
        made.push(file);
    }
    Ok(made)
}

/// The package and its symbols.
fn rpms(workspace: &Workspace, version: &Version) -> Result<Vec<PathBuf>> {
    let tool = tools::find(workspace, &tools::RPM)?;
    let architecture = std::env::consts::ARCH;
    let mut made = Vec::new();
    for (variant, staged, name) in [("program", "rpm", "dsr"), ("symbols", "symbols", "dsr-debuginfo")] {
        let file = workspace.packages().join(format!("{name}-{}-1.{architecture}.rpm", version.text));
        let assets = workspace.packages().join(format!("{staged}.toml"));
        write(&assets, contents::rpm_assets(&workspace.packages().join(staged))?)?;
        let mut command = tools::command(workspace, &tool, "generate-rpm", version);
        command.args(["--package", "dsr-userspace", "--payload-compress", "zstd", "--variant", variant]);
        command.args(["--auto-req", if variant == "symbols" { "disabled" } else { "builtin" }]);
        command.arg("--metadata-overwrite").arg(&assets);
        command.args(["--set-metadata", &format!("version = \"{}\"", version.text), "--output"]).arg(&file);
        process::run_aside(&mut command)?;
        made.push(file);
    }
    Ok(made)
}

/// A directory with the static binary and everything else of the packages, for any distribution.
fn tarball(
    workspace: &Workspace,
    version: &Version,
    binary: &binary::Binary,
    generated: &contents::Generated,
) -> Result<PathBuf> {
    let name = format!("dsr-{}-{}-linux-musl", version.text, std::env::consts::ARCH);
    let staged = workspace.packages().join(Format::Tarball.name());
    contents::stage(workspace, &staged.join(&name), Format::Tarball, binary, generated)?;
    let file = workspace.packages().join(format!("{name}.tar.gz"));
    let mut command = Command::new("tar");
    command.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mode=u+rw,go=rX"]);
    command.arg(format!("--mtime=@{}", version.seconds)).args(["--use-compress-program=gzip -9n", "-cf"]).arg(&file);
    process::run_aside(command.arg("-C").arg(&staged).arg(&name))?;
    Ok(file)
}

fn debian_architecture() -> Result<String> {
    let name = process::read(Command::new("dpkg").arg("--print-architecture"))?;
    Ok(name.trim().to_owned())
}

/// Writes a file and the directories above it.
fn write(file: &Path, bytes: impl AsRef<[u8]>) -> Result<()> {
    let parent = file.parent().context("a file without a directory")?;
    fs::create_dir_all(parent)
        .and_then(|()| fs::write(file, bytes))
        .with_context(|| format!("writing {}", file.display()))
}
