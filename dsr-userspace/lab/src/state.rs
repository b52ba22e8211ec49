//! What a lab owns outside its own memory, found again after a crash: a number with a locked file, a directory, and
//! namespaces named after the number.
//!
//! The lock is free as soon as the process is gone, however it went. Whoever holds it may remove what the number owns.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
    mount::MountFlags,
};

use super::{
    error::{Doing, Result},
    net,
};

/// A lab's number and what belongs to it. Dropping it removes all of that.
#[derive(Debug)]
pub(super) struct State {
    number: u32,
    directory: PathBuf,
    _lock: File,
}

impl State {
    /// Removes what crashed labs left, then takes the lowest free number and makes its directory.
    pub(super) fn take() -> Result<Self> {
        remove_leftovers();
        let mut number = 1;
        let lock = loop {
            match lock(number)? {
                Lock::Taken(lock) => break lock,
                Lock::Held => number += 1,
                Lock::Removed => {}
            }
        };
        let state = Self { number, directory: directory(number), _lock: lock };
        sweep(number);
        state.make_directory()?;
        Ok(state)
    }

    /// The lab's number as the names of its namespaces have it.
    pub(super) fn id(&self) -> String {
        self.number.to_string()
    }

    /// The name of the namespace of `role`, machine-wide.
    pub(super) fn namespace_name(&self, role: impl std::fmt::Display) -> String {
        format!("{}{role}", namespace_prefix(self.number))
    }

    /// The lab's own directory.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    fn make_directory(&self) -> Result<()> {
        let pins = self.directory.join(PINS);
        fs::create_dir_all(&pins).doing(|| format!("create {}", pins.display()))?;
        rustix::mount::mount("bpf", &pins, "bpf", MountFlags::empty(), None)
            .doing(|| format!("mount a BPF file system at {}", pins.display()))
    }
}

impl Drop for State {
    fn drop(&mut self) {
        sweep(self.number);
        remove_lock(self.number);
    }
}

/// Removes what labs left whose process is gone.
fn remove_leftovers() {
    let Ok(entries) = fs::read_dir(DIRECTORY) else { return };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    for number in names.filter_map(|name| name.strip_suffix(".lock")?.parse().ok()) {
        if let Ok(Lock::Taken(_lock)) = lock(number) {
            tracing::info!(lab = number, "removing what a crashed lab left");
            sweep(number);
            remove_lock(number);
        }
    }
}

/// Removes the namespaces and the directory of a lab, whose lock the caller holds.
fn sweep(number: u32) {
    for name in net::mounted_names(&namespace_prefix(number)) {
        warn(net::remove(&name));
    }
    let directory = directory(number);
    warn(net::unmount(&directory.join(PINS)));
    match fs::remove_dir_all(&directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        removed => warn(removed.doing(|| format!("remove {}", directory.display()))),
    }
}

fn remove_lock(number: u32) {
    let path = lock_path(number);
    warn(fs::remove_file(&path).doing(|| format!("remove {}", path.display())));
    // The directories go with the last lab; while there is another, or the agent's files, they are not empty.
    let directory = Path::new(DIRECTORY);
    let _ = fs::remove_dir(directory).and_then(|()| directory.parent().map_or(Ok(()), fs::remove_dir));
}

fn warn(result: Result<()>) {
    if let Err(error) = result {
        tracing::warn!(%error, "something of a lab stays behind");
    }
}

enum Lock {
    /// The number is ours while the file is open.
    Taken(File),
    /// A living lab has it.
    Held,
    /// A lab that ended removed the file, or the directory, between our steps.
    Removed,
}

fn lock(number: u32) -> Result<Lock> {
    fs::create_dir_all(DIRECTORY).doing(|| format!("create {DIRECTORY}"))?;
    let path = lock_path(number);
    let file = match File::options().create(true).truncate(false).write(true).open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Lock::Removed),
        opened => opened.doing(|| format!("create {}", path.display()))?,
    };
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => return Ok(Lock::Held),
        locked => locked.doing(|| format!("lock {}", path.display()))?,
    }
    let ours = file.metadata().doing(|| format!("look at {}", path.display()))?.ino();
    let still_there = fs::metadata(&path).is_ok_and(|metadata| metadata.ino() == ours);
    Ok(if still_there { Lock::Taken(file) } else { Lock::Removed })
}

fn lock_path(number: u32) -> PathBuf {
    Path::new(DIRECTORY).join(format!("{number}.lock"))
}

fn directory(number: u32) -> PathBuf {
    Path::new(DIRECTORY).join(number.to_string())
}

/// Ends in a dash, so that no lab's prefix begins another's name.
fn namespace_prefix(number: u32) -> String {
    format!("dsr-{number}-")
}

const DIRECTORY: &str = "/run/dsr/lab";
/// Mount point in a lab's directory of the BPF file system that its agent pins in.
pub(super) const PINS: &str = "bpf";
