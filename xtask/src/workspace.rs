//! Where things are: the repository, what is built in it, and the lock that keeps two runs of xtask apart.

use std::{
    env, fs,
    fs::File,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};

use crate::process::step;

/// The repository and the directories below `target/` that xtask owns.
pub(crate) struct Workspace {
    root: PathBuf,
}

/// Held while tools and kernel objects are made; released when dropped, or when the process ends or executes another.
pub(crate) struct Lock {
    _file: File,
}

impl Workspace {
    /// Finds the repository by the manifest of the xtask that cargo runs.
    pub(crate) fn find() -> Result<Self> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&manifest).parent().context("xtask's manifest directory has no parent")?;
        Ok(Self { root: root.to_owned() })
    }

    /// The repository's top level.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Tools that xtask builds, as `cargo install --root` lays them out.
    pub(crate) fn tools(&self) -> PathBuf {
        self.root.join("target/tools")
    }

    /// Cargo's target directory for the kernel side, apart from the user side's.
    pub(crate) fn kernel_target(&self) -> PathBuf {
        self.root.join("target/bpf-build")
    }

    /// The finished kernel objects, one file a program.
    pub(crate) fn kernel_objects(&self) -> PathBuf {
        self.root.join("target/bpf")
    }

    /// Kernels, tools and root file systems for virtual machines.
    pub(crate) fn machines(&self) -> PathBuf {
        self.root.join("target/vm")
    }

    /// Finished packages and what they are made from.
    pub(crate) fn packages(&self) -> PathBuf {
        self.root.join("target/package")
    }

    /// Where cargo puts the user side for `profile` ("release", "debug").
    pub(crate) fn user_target(&self, profile: &str) -> PathBuf {
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        self.root.join(target).join(profile)
    }

    /// `path` as a reader at the top level would write it.
    pub(crate) fn shown<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }

    /// Waits until no other xtask makes tools or kernel objects in this repository.
    pub(crate) fn lock(&self) -> Result<Lock> {
        let path = self.root.join("target/xtask.lock");
        fs::create_dir_all(self.root.join("target")).context("creating target/")?;
        let file = File::create(&path).with_context(|| format!("opening {}", path.display()))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            step("waiting for another cargo xtask in this repository");
            flock(&file, FlockOperation::LockExclusive).with_context(|| format!("locking {}", path.display()))?;
        }
        Ok(Lock { _file: file })
    }
}
