//! What check programs leave behind, in whatever session and process group: found as children of this process, and killed.
//!
//! The kernel gives a process whose parent has ended to the nearest ancestor that is a *subreaper* (`prctl(2)`,
//! `PR_SET_CHILD_SUBREAPER`). Each check program is one, so that what it starts stays below it while it runs, and so is this
//! process, which then gets all that is left. It starts nothing but check programs: any other child is left over from one.

use std::{
    collections::BTreeSet,
    fs, io,
    os::fd::AsFd as _,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use dsr_sys::process::become_subreaper;
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid};
use tokio::{process::Child, runtime::Handle};

static CHILDREN: Mutex<Children> =
    Mutex::new(Children { are_adopted: false, are_ending: false, running: BTreeSet::new() });

/// The children of this process.
struct Children {
    /// Whether orphans become children.
    are_adopted: bool,
    /// Whether no more check programs start.
    are_ending: bool,
    /// The check programs that run, by id.
    running: BTreeSet<i32>,
}

/// Takes the processes that check programs leave behind from here on. This process must start no other programs: they would
/// be killed.
pub fn adopt() -> io::Result<()> {
    become_subreaper()?;
    children().are_adopted = true;
    Ok(())
}

/// Kills all check programs and what they have started, and waits for their end. None starts from here on.
pub async fn end_all() {
    {
        let mut children = children();
        children.are_ending = true;
        children.running.clear();
    }
    // That it was cancelled is the end of this process, too.
    let _ = tokio::task::spawn_blocking(kill_all).await;
}

/// A check program that runs. When this is dropped, which must be after the program was killed, all that it left is killed.
pub(super) struct Running(i32);

impl Running {
    /// Starts it. It is not taken for an orphan meanwhile.
    pub(super) fn start(spawn: impl FnOnce() -> io::Result<Child>) -> io::Result<(Child, Self)> {
        let mut children = children();
        if children.are_ending {
            return Err(io::Error::other("this process ends"));
        }
        let child = spawn()?;
        let id = child.id().ok_or_else(|| io::Error::other("it has no process id"))?.cast_signed();
        children.running.insert(id);
        Ok((child, Self(id)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        children().running.remove(&self.0);
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn_blocking(kill_all);
        }
    }
}

/// Kills orphans until there are none: those of a killed one come next. What cannot be killed now, as it waits for a device, is
/// left to the next time.
fn kill_all() {
    let deadline = Instant::now() + LONGEST;
    while children().kill_orphans() > 0 && Instant::now() < deadline {
        thread::sleep(PAUSE);
    }
}

impl Children {
    /// Says how many have not ended yet.
    fn kill_orphans(&self) -> usize {
        if !self.are_adopted {
            return 0;
        }
        let orphans = listed().into_iter().filter(|id| !self.running.contains(id));
        orphans.filter(|id| !has_ended(*id)).count()
    }
}

/// Kills a child, if it is one still, and takes its exit code if it has ended.
fn has_ended(id: i32) -> bool {
    let Some(Ok(child)) = Pid::from_raw(id).map(|id| pidfd_open(id, PidfdFlags::empty())) else { return true };
    match waitid(WaitId::PidFd(child.as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOHANG) {
        Ok(None) => {
            // It may end by itself this moment.
            let _ = pidfd_send_signal(&child, Signal::KILL);
            false
        }
        // It has ended, or the number is that of a stranger by now.
        Ok(Some(_)) | Err(_) => true,
    }
}

/// The ids of all children of this process: the kernel lists them for each thread (`CONFIG_PROC_CHILDREN`).
fn listed() -> Vec<i32> {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>()).collect()
}

fn children() -> MutexGuard<'static, Children> {
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long one call looks for orphans that do not die.
const LONGEST: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(5);
