//! Where a namespace's name lives: a bind mount in `/run/netns`, as `ip netns` has it.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
    mount::{MountPropagationFlags, UnmountFlags},
};

use super::process;
use crate::error::{Doing, Result};

/// Where the namespace `name` is mounted.
pub(super) fn path(name: &str) -> PathBuf {
    Path::new(DIRECTORY).join(name)
}

/// Mounts the calling thread's network namespace as `name`.
pub(super) fn attach_current_thread(name: &str) -> Result<()> {
    prepare_directory()?;
    let path = path(name);
    let created = File::options().write(true).create_new(true).open(&path);
    created.doing(|| format!("create {}", path.display()))?;
    rustix::mount::mount_bind("/proc/thread-self/ns/net", &path)
        .inspect_err(|_| drop(fs::remove_file(&path)))
        .doing(|| format!("mount a network namespace at {}", path.display()))
}

/// Kills the processes in the namespace `name`, unmounts it and removes its file. Does as much of it as can be done,
/// and says what could not.
pub(crate) fn remove(name: &str) -> Result<()> {
    let path = path(name);
    process::kill_all_in(&path);
    unmount(&path)?;
    match fs::remove_file(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.doing(|| format!("remove {}", path.display())),
    }
}

/// Unmounts what is at `path`, if anything is.
pub(crate) fn unmount(path: &Path) -> Result<()> {
    match rustix::mount::unmount(path, UnmountFlags::DETACH) {
        Ok(()) | Err(Errno::INVAL | Errno::NOENT) => Ok(()),
        Err(error) => Err(error).doing(|| format!("unmount {}", path.display())),
    }
}

/// The names in `/run/netns` that begin with `prefix`.
pub(crate) fn mounted_names(prefix: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(DIRECTORY) else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.starts_with(prefix)).collect()
}

/// Makes `/run/netns` a shared mount, as `ip netns` does at its first use: else a mount namespace that is copied while
/// a lab is up (by `ip netns exec`, by a service manager) keeps the lab's network namespaces after the lab has
/// unmounted them. The lock is the one that `ip netns` takes too.
fn prepare_directory() -> Result<()> {
    fs::create_dir_all(DIRECTORY).doing(|| format!("create {DIRECTORY}"))?;
    let directory = File::open(DIRECTORY).doing(|| format!("open {DIRECTORY}"))?;
    flock(&directory, FlockOperation::LockExclusive).doing(|| format!("lock {DIRECTORY}"))?;
    match share() {
        Err(Errno::INVAL) => rustix::mount::mount_bind_recursive(DIRECTORY, DIRECTORY).and_then(|()| share()),
        shared => shared,
    }
    .doing(|| format!("make {DIRECTORY} a shared mount"))
}

fn share() -> rustix::io::Result<()> {
    rustix::mount::mount_change(DIRECTORY, MountPropagationFlags::SHARED | MountPropagationFlags::REC)
}

const DIRECTORY: &str = "/run/netns";
