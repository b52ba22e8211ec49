//! The mounts that a lab's agent sees: the lab's directory in place of `/run/dsr`, and a BPF file system of the lab's.
//!
//! So the agent is the one that runs on a node, with its fixed paths, yet two labs do not meet, nor a lab and an agent
//! of the machine. From outside its socket and its pins are in the lab's directory.

use std::{
    ffi::{CStr, CString, NulError},
    io,
    os::unix::{ffi::OsStrExt, process::CommandExt},
    path::Path,
    process::Command,
};

use rustix::{
    io::Errno,
    mount::{MountPropagationFlags, mount_bind, mount_change},
    thread::{UnshareFlags, unshare_unsafe},
};

use super::{
    error::{Doing, Result},
    state::PINS,
};

/// Gives `command` a mount namespace of its own in which `directory` is [`AGENT_DIRECTORY`].
pub(super) fn confine(command: &mut Command, directory: &Path) -> Result<()> {
    let source = path(directory).and_then(|source| Ok((source, path(&directory.join(PINS))?)));
    let (source, pins) = source.map_err(io::Error::from).doing(|| format!("use {}", directory.display()))?;
    // SAFETY: `change_mounts` makes system calls only: it allocates nothing and takes no lock.
    unsafe { command.pre_exec(move || Ok(change_mounts(&source, &pins)?)) };
    Ok(())
}

/// Between fork and exec.
fn change_mounts(directory: &CString, pins: &CString) -> rustix::io::Result<()> {
    // SAFETY: the flags leave the table of file descriptors shared, and this process has one thread.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
    // Nothing that is mounted here shows outside; what is unmounted outside goes here too.
    mount_change(c"/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    match mount_bind(pins.as_c_str(), PIN_DIRECTORY) {
        // A kernel without this mount point.
        Err(Errno::NOENT) => {}
        mounted => mounted?,
    }
    mount_bind(directory.as_c_str(), AGENT_DIRECTORY)
}

fn path(path: &Path) -> std::result::Result<CString, NulError> {
    CString::new(path.as_os_str().as_bytes())
}

/// Where an agent has its socket and, in a lab, its configuration.
pub(super) const AGENT_DIRECTORY: &CStr = c"/run/dsr";
const PIN_DIRECTORY: &CStr = c"/sys/fs/bpf";
