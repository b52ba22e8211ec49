//! What tests in a lab of network namespaces share: the programs that they run there, and ways to wait.

pub mod agent;
pub mod arp;
mod configuration;
pub mod connections;
pub mod counters;
pub mod crowd;
pub mod curl;
pub mod datagram;
pub mod echo;
pub mod errors;
pub mod far;
pub mod flood;
pub mod frames;
pub mod nginx;
pub mod pieces;
pub mod process;
pub mod share;
pub mod traffic;
pub mod usage;

use std::{
    env,
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

pub use configuration::{Backend, Configuration};
use dsr_lab::Namespace;

/// The `dsr` binary: `DSR_PROGRAM`, or what cargo built beside the tests.
///
/// # Panics
/// Where it is not there.
#[must_use]
pub fn dsr_program() -> PathBuf {
    let built = || {
        let test = env::current_exe().ok()?;
        // target/<profile>/deps/<test>
        Some(test.parent()?.parent()?.join("dsr"))
    };
    let program = env::var_os("DSR_PROGRAM").map(PathBuf::from).or_else(built).unwrap_or_default();
    assert!(program.is_file(), "no dsr binary at {}: run `cargo build` first, or set DSR_PROGRAM", program.display());
    program
}

/// The `dsr` binary for a measurement: the one that was built beside it, or the one that `DSR_PROGRAM` names.
pub fn program_beside() -> anyhow::Result<PathBuf> {
    let beside = || Ok::<_, std::io::Error>(env::current_exe()?.with_file_name("dsr"));
    let program = env::var_os("DSR_PROGRAM").map_or_else(beside, |named| Ok(named.into()))?;
    anyhow::ensure!(
        program.is_file(),
        "no dsr binary at {}: run the measurement by `cargo xtask bench`",
        program.display()
    );
    Ok(program)
}

/// Waits until `shown` gives something.
///
/// # Panics
/// After [`PATIENCE`]; `what` completes "there was no ...".
pub fn eventually<T>(what: &str, shown: impl FnMut() -> Option<T>) -> T {
    poll(shown).unwrap_or_else(|| panic!("there was no {what} within {PATIENCE:?}"))
}

/// What `shown` gives within [`PATIENCE`].
fn poll<T>(mut shown: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let value = shown();
        if value.is_some() || Instant::now() > deadline {
            return value;
        }
        thread::sleep(POLL);
    }
}

/// Starts a process in `namespace` that no parent waits for or can kill, and that does not end by itself.
///
/// # Panics
/// Where it cannot be started.
#[must_use]
pub fn orphan(namespace: &Namespace) -> u32 {
    // The shell ends, and leaves its child to init. The child must not hold the pipe that the shell is read from.
    let mut shell = namespace.command("sh").expect("a command can be prepared");
    let output = shell.args(["-c", "sleep 1000 >&- & echo $!"]).stderr(Stdio::null()).output().expect("sh runs");
    let pid = String::from_utf8_lossy(&output.stdout).trim().parse();
    pid.expect("the shell says the number of its child")
}

/// A network namespace, known by its inode: its number is not given to another while this is open.
#[derive(Debug)]
pub struct NamespaceInode(File);

impl NamespaceInode {
    /// Of what is mounted at `path`.
    ///
    /// # Panics
    /// Where nothing is.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        Self(File::open(path).expect("the namespace's file is there"))
    }

    /// Whether it is mounted anywhere that this process sees.
    ///
    /// # Panics
    /// Where `/proc` is not there.
    #[must_use]
    pub fn is_mounted(&self) -> bool {
        let inode = self.0.metadata().expect("an open file has metadata").ino();
        let mounts = fs::read_to_string("/proc/self/mountinfo").expect("/proc is mounted");
        mounts.contains(&format!(" net:[{inode}] "))
    }
}

/// Whether a process with this number is there and not a zombie.
#[must_use]
pub fn is_alive(pid: u32) -> bool {
    let status = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    // The state comes after the name, which is in parentheses and may hold any character.
    status.is_ok_and(|status| status.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z')))
}

/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);
