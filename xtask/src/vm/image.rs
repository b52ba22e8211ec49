//! What a virtual machine boots from: Debian's kernel, and a root file system in memory.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::{
    cpio::{Cpio, Use},
    modules::{self, Module},
    payload::Payload,
    release,
    tools::Tools,
};
use crate::{
    apt,
    archive::{self, State},
    process::{self, step},
    workspace::Workspace,
};

/// A kernel and its first root file system.
pub(super) struct Image {
    /// The series, for example `6.1`.
    pub(super) kernel: &'static str,
    /// What `uname -r` says there.
    pub(super) release: String,
    pub(super) vmlinuz: PathBuf,
    pub(super) initramfs: PathBuf,
}

impl Image {
    /// Fetches the kernel where it is not there yet, and packs the root file system.
    pub(super) fn build(workspace: &Workspace, tools: &Tools, kernel: &'static str, payload: &Payload) -> Result<Self> {
        let directory = workspace.machines().join(kernel);
        let archive = match archive::state(&directory, kernel) {
            State::Filled(archive) => archive,
            State::Empty => {
                let package = newest(kernel)?;
                let release = release_of(&package).to_owned();
                archive::fill(&directory, kernel, &[package], |root| modules::index(tools, root, &release))?
            }
        };
        let release = release_of(archive.packages.trim()).to_owned();
        let modules = modules::resolve(tools, &archive.root, &release)?;
        let initramfs = directory.join("initramfs");
        fs::write(&initramfs, pack(tools, &modules, payload)?).context("writing an initramfs")?;
        step(format_args!("kernel {release}, {} modules ({})", modules.len(), workspace.shown(&initramfs)));
        Ok(Self { kernel, vmlinuz: archive.root.join("boot").join(format!("vmlinuz-{release}")), release, initramfs })
    }
}

/// The newest package of a series that apt can fetch.
fn newest(series: &str) -> Result<String> {
    let of_series = || -> Result<Option<String>> {
        let names = process::read(Command::new("apt-cache").args(["pkgnames", &format!("linux-image-{series}.")]))?;
        Ok(release::candidates(&names, series).into_iter().find(|name| apt::knows(name)).map(ToOwned::to_owned))
    };
    if let Some(package) = of_series()? {
        return Ok(package);
    }
    apt::update()?;
    of_series()?.with_context(|| format!("apt has no linux-image-{series}.*-cloud-amd64; Debian 12's archive has"))
}

fn release_of(package: &str) -> &str {
    package.strip_prefix("linux-image-").unwrap_or(package)
}

fn pack(tools: &Tools, modules: &[Module], payload: &Payload) -> Result<Vec<u8>> {
    let mut cpio = Cpio::new();
    for directory in ["proc", "sys", "dev", "run", "tmp", "etc", "sbin"] {
        cpio.directory(Path::new(directory));
    }
    let busybox = tools.busybox();
    let bytes = fs::read(&busybox).with_context(|| format!("reading {}", busybox.display()))?;
    cpio.file(Path::new("bin/busybox"), Use::Program, &bytes);
    let mut list = String::new();
    for module in modules {
        let name = module.file.file_name().context("a module without a name")?.to_string_lossy();
        let bytes = fs::read(&module.file).with_context(|| format!("reading {}", module.file.display()))?;
        cpio.file(&Path::new("modules").join(name.as_ref()), Use::Data, &bytes);
        list.push_str(format!("{name} {}", module.parameters).trim_end());
        list.push('\n');
    }
    cpio.file(Path::new("modules/list"), Use::Data, list.as_bytes());
    payload.add_to(&mut cpio);
    Ok(cpio.finish())
}
