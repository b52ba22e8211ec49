//! Network and mount namespaces, for threads and for programs that are started.

use std::{
    ffi::CString,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::process::CommandExt as _,
    },
    process::Command,
};

use rustix::{
    io::Errno,
    mount::{MountPropagationFlags, mount_bind, mount_change},
    process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal},
    thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe},
};

/// Moves the calling thread into a new network namespace.
pub fn unshare_network() -> io::Result<()> {
    // SAFETY: the flags leave the table of file descriptors shared.
    Ok(unsafe { unshare_unsafe(UnshareFlags::NEWNET) }?)
}

/// Moves the calling thread into a network namespace.
pub fn enter_network(namespace: impl AsFd) -> io::Result<()> {
    Ok(move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?)
}

/// Lets a command start in a network namespace. It is killed when the thread that spawns it ends (`PR_SET_PDEATHSIG`).
pub fn start_in_network(command: &mut Command, namespace: OwnedFd) {
    let parent = getpid();
    // SAFETY: `prepare` makes system calls only: it allocates nothing and takes no lock.
    unsafe { command.pre_exec(move || prepare(&namespace, parent)) };
}

/// A directory that a command sees in place of another.
#[derive(Debug)]
pub struct Bind {
    /// What it sees.
    pub source: CString,
    /// Where it sees it.
    pub target: CString,
    /// What if there is nothing at `target`.
    pub absent: Absent,
}

/// What to do where a mount point does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// Go on without the mount.
    Skip,
    /// Do not start the command.
    Fail,
}

/// Gives a command a mount namespace of its own with these mounts in it. What it mounts does not show outside; what is
/// unmounted outside is unmounted there too.
pub fn start_with_mounts(command: &mut Command, binds: Vec<Bind>) {
    // SAFETY: `mount_all` makes system calls only: it allocates nothing and takes no lock.
    unsafe { command.pre_exec(move || mount_all(&binds)) };
}

/// Between fork and exec.
fn prepare(namespace: &OwnedFd, parent: Pid) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() != Some(parent) {
        // The parent died before the line above: no signal will come.
        return Err(io::ErrorKind::Interrupted.into());
    }
    enter_network(namespace)
}

/// Between fork and exec.
fn mount_all(binds: &[Bind]) -> io::Result<()> {
    // SAFETY: the flags leave the table of file descriptors shared, and this process has one thread.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
    mount_change(c"/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    for bind in binds {
        match mount_bind(bind.source.as_c_str(), bind.target.as_c_str()) {
            Err(Errno::NOENT) if bind.absent == Absent::Skip => {}
            mounted => mounted?,
        }
    }
    Ok(())
}
