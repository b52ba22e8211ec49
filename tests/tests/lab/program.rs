//! `dsr lab` as a user runs it, with the real agent.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
};

use dsr_tests::lab::{NamespaceInode, dsr_program};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A running `dsr lab` and what it says on stderr.
struct Run {
    child: Child,
    said: BufReader<std::process::ChildStderr>,
}

impl Run {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(dsr_program())
            .args(["lab", "--json"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        Self { child, said }
    }

    /// Reads what it says up to the line in which `part` is.
    fn wait_for(&mut self, part: &str) -> String {
        let mut all = String::new();
        loop {
            let start = all.len();
            assert_ne!(self.said.read_line(&mut all).unwrap(), 0, "it ended without {part:?}:\n{all}");
            if all[start..].contains(part) {
                return all[start..].to_owned();
            }
        }
    }

    /// The client's namespace.
    fn client(&mut self) -> NamespaceInode {
        let line = self.wait_for("is balanced over");
        let id = line.trim_start_matches("lab ").split(':').next().unwrap();
        NamespaceInode::open(Path::new(&format!("/run/netns/dsr-{id}-client")))
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end; gives its exit code and its summary.
    fn end(self) -> (Option<i32>, Value) {
        let mut said = self.said;
        let reader = thread::spawn(move || std::io::copy(&mut said, &mut std::io::stderr()));
        let Output { status, stdout, .. } = self.child.wait_with_output().unwrap();
        reader.join().unwrap().unwrap();
        (status.code(), serde_json::from_slice(&stdout).expect("one JSON object on stdout"))
    }
}

#[test]
#[ignore = "needs root"]
fn a_run_answers_every_request() {
    let mut run = Run::start(&["--duration", "2s", "--backends", "2"]);
    let client = run.client();
    let (code, summary) = run.end();
    assert_eq!(code, Some(0), "{summary}");
    assert_eq!(summary["failed"], 0, "{summary}");
    assert_eq!(summary["balancer"]["replies_seen"], 0, "{summary}");
    let backends = summary["backends"].as_array().unwrap();
    let requests: Vec<u64> = backends.iter().map(|backend| backend["requests"].as_u64().unwrap()).collect();
    assert!(requests.len() == 2 && requests.iter().all(|&requests| requests > 0), "{summary}");
    assert_eq!(summary["requests"], requests.iter().sum::<u64>());
    assert!(summary["balancer"]["packets_in"].as_u64() >= summary["requests"].as_u64(), "{summary}");
    assert!(!client.is_mounted());
}

#[test]
#[ignore = "needs root"]
fn a_signal_ends_a_run_with_a_summary() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut run = Run::start(&["--backends", "1"]);
        let client = run.client();
        run.wait_for("requests/s");
        run.signal(signal);
        let (code, summary) = run.end();
        assert_eq!((code, &summary["failed"]), (Some(0), &Value::from(0)), "{summary}");
        assert!(summary["requests"].as_u64() > Some(0), "{summary}");
        assert!(!client.is_mounted(), "after {signal:?}");
    }
}

#[test]
fn wrong_usage_is_told_apart() {
    let output = Command::new(dsr_program()).args(["lab", "--backends", "201"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}
