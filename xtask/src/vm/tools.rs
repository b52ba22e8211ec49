//! QEMU, kmod and a static busybox: the machine's own where it has them, else Debian's, unpacked and not installed.

use std::{
    ffi::OsString,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    apt,
    archive::{self, State},
    process,
    workspace::Workspace,
};

const QEMU: &str = "qemu-system-x86_64";
/// Programs that may be the machine's own, and Debian's package for each.
const PROGRAMS: [(&str, &str); 2] = [(QEMU, "qemu-system-x86"), ("modprobe", "kmod")];
/// Always Debian's: another one may need libraries, or have other applets.
const BUSYBOX: &str = "busybox-static";

/// Where the tools are.
pub(super) struct Tools {
    root: PathBuf,
}

impl Tools {
    /// Fetches those that are missing.
    pub(super) fn find(workspace: &Workspace) -> Result<Self> {
        let missing = PROGRAMS.iter().filter(|(program, _)| process::find_program(program).is_none());
        let packages: Vec<_> = missing.map(|(_, package)| *package).chain([BUSYBOX]).collect();
        let (directory, wanted) = (workspace.machines().join("tools"), packages.join(" "));
        let archive = match archive::state(&directory, &wanted) {
            State::Filled(archive) => archive,
            State::Empty => archive::fill(&directory, &wanted, &apt::with_dependencies(&packages)?, |_| Ok(()))?,
        };
        Ok(Self { root: archive.root })
    }

    /// The busybox for the virtual machine.
    pub(super) fn busybox(&self) -> PathBuf {
        self.root.join("bin/busybox")
    }

    /// `modprobe` or `depmod`: both are kmod, which looks at the name it is called by.
    pub(super) fn kmod(&self, name: &str) -> Command {
        if let Some(program) = process::find_program(name) {
            return Command::new(program);
        }
        let mut command = Command::new(self.root.join("bin/kmod"));
        command.arg0(name).env("LD_LIBRARY_PATH", self.libraries());
        command
    }

    /// The words that start QEMU.
    pub(super) fn qemu(&self) -> Result<Vec<OsString>> {
        if let Some(program) = process::find_program(QEMU) {
            return Ok(vec![program.into()]);
        }
        let program = self.root.join("usr/bin").join(QEMU);
        std::fs::metadata(&program).with_context(|| format!("looking for {}", program.display()))?;
        let mut libraries = OsString::from("LD_LIBRARY_PATH=");
        libraries.push(self.libraries());
        let mut words = vec!["env".into(), libraries, program.into()];
        for firmware in ["usr/share/qemu", "usr/share/seabios"] {
            words.extend(["-L".into(), self.root.join(firmware).into()]);
        }
        Ok(words)
    }

    fn libraries(&self) -> OsString {
        let directories = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"];
        let paths = directories.map(|directory| self.root.join(directory).into_os_string());
        paths.join(&OsString::from(":"))
    }
}

/// `path` without its leading slash, for a path inside the virtual machine.
pub(super) fn relative(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}
