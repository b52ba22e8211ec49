//! A program that the operator wrote: exit code 0 is a pass.
//!
//! It runs in a process group of its own, which is killed as a whole when the check is over, with all else that it started,
//! and without the agent's capabilities.

use std::{
    io,
    os::unix::process::ExitStatusExt as _,
    process::{ExitStatus, Stdio},
};

use dsr_common::probe;
use dsr_sys::{privilege, process::Process};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use super::{Failure, Names, ProbeRoute, orphans::Running};

/// Runs it. When this is dropped before it ends, it is killed with all that it started.
pub(super) async fn run(command: &[String], route: &ProbeRoute, names: &Names<'_>) -> Result<(), Failure> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Failure::Local("there is no command".to_owned()));
    };
    let mut prepared = Command::new(program);
    prepared.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    prepared.env("DSR_SERVICE", names.service).env("DSR_BACKEND", names.backend);
    prepared.env("DSR_ADDRESS", names.address.to_string()).env("DSR_VIP", route.to.ip().to_string());
    prepared.env("DSR_PORT", route.to.port().to_string()).env("DSR_SOURCE", route.from.to_string());
    if let Some(number) = route.number {
        prepared.env("DSR_MARK", probe::mark(number).to_string());
    }
    let cannot = |error: io::Error| Failure::Local(format!("cannot run {program}: {error}"));
    let status = Group::start(&mut prepared).map_err(cannot)?.ended().await.map_err(cannot)?;
    check_status(program, status)
}

fn check_status(program: &str, status: ExitStatus) -> Result<(), Failure> {
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        // What a shell says of a command that it cannot run (POSIX, XCU 2.8.2): nothing was checked.
        (Some(code @ (126 | 127)), _) => {
            Err(Failure::Local(format!("{program} ends with exit code {code}: a command in it cannot be run")))
        }
        // Sent from outside: by an operator, a shutdown, a limit or the kernel's lack of memory. By any other the program
        // ends itself, as by its own alarm, or a pipe or connection that the backend has closed.
        (
            None,
            Some(signal @ (libc::SIGKILL | libc::SIGTERM | libc::SIGINT | libc::SIGHUP | libc::SIGXCPU | libc::SIGSYS)),
        ) => Err(Failure::Local(format!("{program} was killed by signal {signal}"))),
        _ => Err(Failure::Wrong(format!("{program} ends with {status}"))),
    }
}

/// A program and what it started. The fields are dropped in this order: the group is killed while the program still
/// holds its number, so that the signal cannot reach a stranger, and the rest when the program itself is killed.
struct Group {
    kill: Option<Kill>,
    child: Child,
    _running: Running,
}

impl Group {
    fn start(command: &mut Command) -> io::Result<Self> {
        privilege::drop_for(command.process_group(0).kill_on_drop(true).as_std_mut());
        let (child, running) = Running::start(|| command.spawn())?;
        let leader = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let leader = leader.ok_or_else(|| io::Error::other("it has no process id"))?;
        Ok(Self { kill: Some(Kill(leader)), child, _running: running })
    }

    /// Waits for the program's end and kills what it left running.
    async fn ended(mut self) -> io::Result<ExitStatus> {
        if let Some(Kill(leader)) = &self.kill {
            Process::open(*leader)?.ended().await?;
        }
        self.kill = None;
        self.child.wait().await
    }
}

/// Kills a process group when it is dropped. Its leader must not be reaped before.
struct Kill(Pid);

impl Drop for Kill {
    fn drop(&mut self) {
        // Usually the group is empty by now.
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn route() -> ProbeRoute {
        ProbeRoute { to: "192.0.2.1:80".parse().unwrap(), from: [127, 0, 0, 1].into(), number: None }
    }

    async fn run_shell(script: &str) -> Result<(), Failure> {
        let names = Names { service: "s", backend: "b", address: [10, 0, 0, 1].into() };
        run(&["/bin/sh".to_owned(), "-c".to_owned(), script.to_owned()], &route(), &names).await
    }

    /// Processes with this word in their command line.
    fn processes(word: &str) -> usize {
        let all = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let line = std::fs::read(entry.unwrap().path().join("cmdline")).ok()?;
            let state = String::from_utf8_lossy(&line).into_owned();
            (state.contains(word) && !state.contains("command::tests")).then_some(())
        });
        all.count()
    }

    async fn wait_for_none(word: &str) {
        let none = async {
            while processes(word) > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(10), none).await.expect("a process is left");
    }

    #[tokio::test]
    async fn what_a_late_command_started_is_killed_with_it() {
        // A duration that identifies this test's process.
        let seconds = format!("{}.25", 40_000 + std::process::id() % 10_000);
        for _ in 0..5 {
            let script = format!("sleep {seconds} & sleep {seconds}; :");
            let late = timeout(Duration::from_millis(200), run_shell(&script)).await;
            assert!(late.is_err(), "{late:?}");
        }
        wait_for_none(&format!("sleep\0{seconds}")).await;
    }

    #[tokio::test]
    async fn what_a_command_left_behind_is_killed_at_its_end() {
        let seconds = format!("{}.5", 40_000 + std::process::id() % 10_000);
        assert_eq!(run_shell(&format!("sleep {seconds} & exit 0")).await, Ok(()));
        wait_for_none(&format!("sleep\0{seconds}")).await;
    }

    #[tokio::test]
    async fn a_command_that_cannot_run_says_nothing_of_the_backend() {
        let names = Names { service: "s", backend: "b", address: [10, 0, 0, 1].into() };
        let missing = run(&["/no/such/program".to_owned()], &route(), &names).await;
        assert!(matches!(missing, Err(Failure::Local(_))), "{missing:?}");
        for script in ["/no/such/program", "kill -9 $$"] {
            let result = run_shell(script).await;
            assert!(matches!(result, Err(Failure::Local(_))), "{script}: {result:?}");
        }
        for script in ["exit 3", "kill -ALRM $$", "kill -PIPE $$"] {
            let result = run_shell(script).await;
            assert!(matches!(result, Err(Failure::Wrong(_))), "{script}: {result:?}");
        }
    }

    #[tokio::test]
    async fn a_command_has_but_the_capability_to_mark_packets() {
        let bits = format!("{:016x}", 1_u64 << 13);
        for set in ["CapEff", "CapPrm"] {
            let script = format!(
                "read -r _ caps <<END\n$(grep {set} /proc/self/status)\nEND\n\
                 test $caps = {bits} -o $caps = 0000000000000000"
            );
            assert_eq!(run_shell(&script).await, Ok(()), "{set}");
        }
        assert_eq!(run_shell("grep -q 'NoNewPrivs:.1' /proc/self/status").await, Ok(()));
    }
}
