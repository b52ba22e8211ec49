//! A fresh Debian with systemd, as a tar archive: made once by debootstrap, kept below `target/vm`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{
    apt,
    archive::{self, State},
    process::{self, step},
    workspace::Workspace,
};

/// Debian's release that packages are tried on.
const SUITE: &str = "bookworm";
/// What it has beside dpkg's own packages: an init, and what the checks run.
const PACKAGES: &str = "systemd-sysv,iproute2,curl";
/// Debian's package of it.
const BUSYBOX: &str = "busybox-static";
/// What the checks do without; the archive is held in memory.
const LEFT_OUT: [&str; 5] =
    ["./var/cache/apt", "./var/lib/apt/lists", "./usr/share/doc", "./usr/share/locale", "./usr/share/man"];

/// The archive, made where it is not there.
pub(super) fn archive(workspace: &Workspace) -> Result<PathBuf> {
    let directory = workspace.machines().join("debian");
    let file = directory.join(format!("{SUITE}.tar"));
    let stamp = directory.join("stamp");
    if file.is_file() && fs::read_to_string(&stamp).is_ok_and(|made| made == PACKAGES) {
        return Ok(file);
    }
    apt::install(&["debootstrap"])?;
    step(format_args!("making a Debian {SUITE} with debootstrap; once, some minutes"));
    let root = directory.join("root");
    remove(&root)?;
    fs::create_dir_all(&directory).context("making room for a Debian")?;
    let mut command = process::as_root("debootstrap");
    command.args(["--variant=minbase", &format!("--include={PACKAGES}"), SUITE]).arg(&root);
    process::run_aside(&mut command)?;
    let mut command = process::as_root("tar");
    command.args(LEFT_OUT.map(|path| format!("--exclude={path}/*")));
    // Device files belong to the machine.
    process::run_aside(command.args(["--exclude=./dev/*", "-cf"]).arg(&file).arg("-C").arg(&root).arg("."))?;
    remove(&root)?;
    fs::write(&stamp, PACKAGES).context("noting what the Debian has")?;
    Ok(file)
}

/// A static busybox, for its web server and client.
pub(super) fn busybox(workspace: &Workspace) -> Result<PathBuf> {
    let directory = workspace.machines().join("busybox");
    let archive = match archive::state(&directory, BUSYBOX) {
        State::Filled(archive) => archive,
        State::Empty => archive::fill(&directory, BUSYBOX, &[BUSYBOX.to_owned()], |_| Ok(()))?,
    };
    Ok(archive.root.join("bin/busybox"))
}

/// Unpacks the archive.
pub(super) fn unpack(archive: &Path, root: &Path) -> Result<()> {
    remove(root)?;
    fs::create_dir_all(root).with_context(|| format!("creating {}", root.display()))?;
    process::run_aside(process::as_root("tar").arg("-xpf").arg(archive).arg("-C").arg(root))?;
    // Scripts of packages write there.
    process::run_aside(process::as_root("mknod").arg("-m666").arg(root.join("dev/null")).args(["c", "1", "3"]))
}

/// Removes an unpacked one.
pub(super) fn remove(root: &Path) -> Result<()> {
    process::run_aside(process::as_root("rm").args(["-rf", "--one-file-system"]).arg(root))
}
