//! A network namespace with a name, and the ways into it.

use std::{ffi::OsStr, fs::File, os::fd::OwnedFd, panic, path::PathBuf, process::Command, thread};

use dsr_sys::namespace::{enter_network, start_in_network, unshare_network};

use super::mount;
use crate::error::{Doing, Result};

/// A network namespace that `ip netns` lists under its name.
///
/// Dropping it kills the processes in it, unmounts and removes it.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    file: OwnedFd,
}

impl Namespace {
    /// Makes a new network namespace. The calling thread stays where it is.
    pub fn create(name: &str) -> Result<Self> {
        on_new_thread(|| {
            // The thread ends right after.
            unshare_network().doing(|| "make a network namespace")?;
            mount::attach_current_thread(name)
        })??;
        let path = mount::path(name);
        match File::open(&path).doing(|| format!("open {}", path.display())) {
            Ok(file) => Ok(Self { name: name.to_owned(), file: file.into() }),
            Err(error) => mount::remove(name).and(Err(error)),
        }
    }

    /// Its name, as `ip netns` lists it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is mounted.
    pub fn path(&self) -> PathBuf {
        mount::path(&self.name)
    }

    /// Its file, to name it in netlink requests.
    pub fn file(&self) -> &OwnedFd {
        &self.file
    }

    /// Does `work` on a new thread in this namespace and waits for it. A panic of `work` goes on here.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        on_new_thread(|| self.enter().map(|()| work()))?
    }

    /// Does `work` in a tokio runtime of its own on a new thread in this namespace and waits for it.
    pub fn block_on<T, W, F>(&self, work: W) -> Result<T>
    where
        T: Send,
        W: FnOnce() -> F + Send,
        F: Future<Output = T>,
    {
        self.run(|| block_on_here(async { work().await }))?
    }

    /// Starts `work` in a tokio runtime of its own on a new thread in this namespace.
    pub fn spawn<T, W, F>(&self, work: W) -> Result<thread::JoinHandle<Result<T>>>
    where
        T: Send + 'static,
        W: FnOnce() -> F + Send + 'static,
        F: Future<Output = T>,
    {
        let file = self.file.try_clone().doing(|| "clone a file descriptor")?;
        let name = self.name.clone();
        let inside = move || {
            enter_network(&file).doing(|| format!("enter the network namespace {name}"))?;
            block_on_here(async { work().await })
        };
        thread::Builder::new().name("lab".into()).spawn(inside).doing(|| "start a thread")
    }

    /// A command that will run in this namespace, with the caller's mounts.
    ///
    /// The process is killed when the *thread* that spawned it ends (`PR_SET_PDEATHSIG`), so that none outlives a test
    /// or a lab, however these end.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Result<Command> {
        let file = self.file.try_clone().doing(|| "clone a file descriptor")?;
        let mut command = Command::new(program);
        start_in_network(&mut command, file);
        Ok(command)
    }

    fn enter(&self) -> Result<()> {
        enter_network(&self.file).doing(|| format!("enter the network namespace {}", self.name))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(error) = mount::remove(&self.name) {
            tracing::warn!(%error, "a network namespace stays behind");
        }
    }
}

fn on_new_thread<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("lab".into()).spawn_scoped(scope, work);
        let ended = thread.doing(|| "start a thread")?.join();
        ended.map_or_else(|cause| panic::resume_unwind(cause), Ok)
    })
}

fn block_on_here<T>(work: impl Future<Output = T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.doing(|| "start a tokio runtime")?.block_on(work))
}
