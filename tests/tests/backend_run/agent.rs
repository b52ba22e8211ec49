//! The agent of a backend as a process.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, ExitStatus, Stdio},
    time::Duration,
};

use dsr_lab::{Lab, Namespace, Samples, get};
use dsr_tests::lab::{dsr_program, eventually};
use rustix::process::{Pid, Signal, kill_process};

/// A running agent; dropping it kills it.
pub(crate) struct Agent<'a> {
    child: Child,
    namespace: &'a Namespace,
    log: PathBuf,
}

/// Where an agent of a test keeps its things.
pub(crate) struct Place {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) pins: PathBuf,
}

impl Place {
    /// In the lab's directory, which has a BPF file system of its own.
    pub(crate) fn new(lab: &Lab) -> Self {
        Self { directory: tempfile::tempdir().unwrap(), pins: lab.directory().join("bpf/backend") }
    }

    /// What every command is given.
    pub(crate) fn arguments(&self) -> [String; 4] {
        let shown = |path: PathBuf| path.to_str().unwrap().to_owned();
        [
            "--pins".to_owned(),
            shown(self.pins.clone()),
            "--state".to_owned(),
            shown(self.directory.path().join("state")),
        ]
    }

    /// Writes a configuration and gives its path.
    pub(crate) fn file(&self, yaml: &str) -> PathBuf {
        let path = self.directory.path().join("backend.yaml");
        fs::write(&path, yaml).unwrap();
        path
    }
}

impl<'a> Agent<'a> {
    /// Starts the agent and waits until it serves metrics, which it does once it is attached.
    pub(crate) fn start(namespace: &'a Namespace, place: &Place, yaml: &str) -> Self {
        let mut agent = Self::spawn(namespace, place, yaml);
        eventually("agent that is attached", || {
            let ended = agent.child.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}\n{}", agent.log());
            agent.try_scrape().filter(|samples| samples.sum("dsr_program_attached", &[]) > 0.0)
        });
        agent
    }

    /// Starts the agent.
    pub(crate) fn spawn(namespace: &'a Namespace, place: &Place, yaml: &str) -> Self {
        let log = place.directory.path().join("log");
        let file = File::create(&log).unwrap();
        let mut command = namespace.command(dsr_program()).unwrap();
        command.args(["backend", "run", "-c"]).arg(place.file(yaml)).args(place.arguments());
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        Self { child: command.spawn().unwrap(), namespace, log }
    }

    /// What it said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Its metrics.
    pub(crate) fn scrape(&self) -> Samples {
        self.try_scrape().unwrap_or_else(|| panic!("no metrics:\n{}", self.log()))
    }

    /// How many frames were counted for a reason.
    pub(crate) fn count(&self, reason: &str) -> u64 {
        self.scrape().sum("dsr_received_packets_total", &[("reason", reason)]) as u64
    }

    fn try_scrape(&self) -> Option<Samples> {
        let answer = self.namespace.block_on(|| get(METRICS, "/metrics", Duration::from_secs(5))).unwrap().ok()?;
        assert!(answer.status.is_success(), "{answer:?}");
        Some(Samples::parse(&String::from_utf8_lossy(&answer.body)).unwrap())
    }

    /// Sends a signal and waits until the agent has ended.
    pub(crate) fn end(mut self, signal: Signal) -> (ExitStatus, String) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        self.wait()
    }

    /// Waits until the agent has ended by itself.
    pub(crate) fn wait(&mut self) -> (ExitStatus, String) {
        let status = eventually("end of the agent", || self.child.try_wait().unwrap());
        (status, self.log())
    }
}

impl Drop for Agent<'_> {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) const METRICS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9651);
