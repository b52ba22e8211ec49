//! The mounts that a lab's agent sees: the lab's directory in place of `/run/dsr`, and a BPF file system of the lab's.
//!
//! So the agent is the one that runs on a node, with its fixed paths, yet two labs do not meet, nor a lab and an agent
//! of the machine. From outside its socket and its pins are in the lab's directory.

use std::{
    ffi::{CStr, CString, NulError},
    io,
    os::unix::ffi::OsStrExt,
    path::Path,
    process::Command,
};

use dsr_sys::namespace::{Absent, Bind, start_with_mounts};

use super::{
    error::{Doing, Result},
    state::PINS,
};

/// Gives `command` a mount namespace of its own in which `directory` is [`AGENT_DIRECTORY`].
pub(super) fn confine(command: &mut Command, directory: &Path) -> Result<()> {
    let bind = |source: &Path, target: &CStr, absent| Ok(Bind { source: path(source)?, target: target.into(), absent });
    // A kernel may be without the mount point of BPF file systems. The pins first: they are in the directory.
    let pins = bind(&directory.join(PINS), PIN_DIRECTORY, Absent::Skip);
    let binds = pins.and_then(|pins| Ok(vec![pins, bind(directory, AGENT_DIRECTORY, Absent::Fail)?]));
    let binds =
        binds.map_err(|error: NulError| io::Error::from(error)).doing(|| format!("use {}", directory.display()))?;
    start_with_mounts(command, binds);
    Ok(())
}

fn path(path: &Path) -> std::result::Result<CString, NulError> {
    CString::new(path.as_os_str().as_bytes())
}

/// Where an agent has its socket and, in a lab, its configuration.
pub(super) const AGENT_DIRECTORY: &CStr = c"/run/dsr";
const PIN_DIRECTORY: &CStr = c"/sys/fs/bpf";
