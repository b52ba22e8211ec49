//! Programs that a test starts in a lab: ones that end, within bounds, and ones that do not, ended with the test.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use dsr_lab::{Namespace, net::write_sysctl};

/// Runs a program to its end.
///
/// # Panics
/// Where it cannot be started, or does not end within [`LONGEST`]; it is killed then.
pub fn finish(command: &mut Command) -> Output {
    // Files and not pipes: they need no reader while the program runs.
    let directory = tempfile::tempdir().expect("a directory can be made");
    let path = |name: &str| directory.path().join(name);
    let create = |name: &str| File::create(path(name)).expect("a file can be made");
    command.stdin(Stdio::null()).stdout(create("stdout")).stderr(create("stderr"));
    let mut child = Daemon::spawn(command, path("stderr"));
    let deadline = Instant::now() + LONGEST;
    let status = loop {
        if let Some(status) = child.child.try_wait().expect("a child can be waited for") {
            break status;
        }
        assert!(Instant::now() < deadline, "{command:?} does not end:\n{}", child.log());
        thread::sleep(POLL);
    };
    let read = |name: &str| fs::read(path(name)).expect("what was written can be read");
    Output { status, stdout: read("stdout"), stderr: read("stderr") }
}

/// Runs `ip` with these arguments, as they are written on a command line; gives what it said.
///
/// # Panics
/// Where it fails.
pub fn ip(namespace: &Namespace, arguments: &str) -> String {
    let mut command = namespace.command("ip").expect("a command can be prepared");
    let output = finish(command.args(arguments.split(' ')));
    assert!(output.status.success(), "ip {arguments}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Sets `net.<key>` in a namespace, with dots or slashes.
///
/// # Panics
/// Where there is no such setting, or it does not take the value.
pub fn set(namespace: &Namespace, key: &str, value: &str) {
    let written = namespace.run(|| write_sysctl(&key.replace('.', "/"), value));
    written.expect("the namespace can be entered").expect("the setting takes the value");
}

/// A program that runs until this is dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts it; what it says goes to the file `log`.
    ///
    /// # Panics
    /// Where it cannot be started.
    #[must_use]
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let file = File::create(log).expect("the log can be made");
        let both = file.try_clone().expect("a file can be shared");
        command.stdin(Stdio::null()).stdout(both).stderr(file);
        Self::spawn(command, log.to_owned())
    }

    /// All that it said.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(&self.log).map_or_else(|_| String::new(), |text| String::from_utf8_lossy(&text).into_owned())
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    ///
    /// # Panics
    /// Where it cannot be waited for.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_none()
    }

    /// That it still runs.
    ///
    /// # Panics
    /// Where it does not, with what it said.
    pub fn assert_running(&mut self) {
        let ended = self.child.try_wait().expect("a child can be waited for");
        assert!(ended.is_none(), "it ended, {ended:?}:\n{}", self.log());
    }

    fn spawn(command: &mut Command, log: PathBuf) -> Self {
        let child = command.spawn();
        let child = child.unwrap_or_else(|error| panic!("cannot start {}: {error}", command.get_program().display()));
        Self { child, log }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The longest that a program of a test may take.
const LONGEST: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);
