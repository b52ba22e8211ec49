//! `dsr doctor` beside the real agent: every fault is made on purpose and named, and where all is well nothing is said.
#![allow(missing_docs, clippy::unwrap_used)]

mod agentless;
mod checked;
mod faults;
mod network;
mod vlans;
mod well;

use std::process::Command;

use dsr_lab::Lab;
use dsr_tests::lab::{Configuration, agent, dsr_program, process::finish};
use serde_json::Value;

/// A lab with a running agent that asks often.
fn lab(backends: u8) -> (Lab, Configuration) {
    let mut lab = Lab::builder().backends(backends).build().unwrap();
    let configuration = Configuration::of(&lab).top("arp_watch: {interval: 1s}");
    agent::start(&configuration, &mut lab);
    (lab, configuration)
}

/// What the doctor finds, as cause and subject, in order.
fn diagnosis(lab: &Lab) -> Vec<(String, String)> {
    let found = examine(lab, &["--json"]).1;
    let report: Value = serde_json::from_str(&found).unwrap_or_else(|error| panic!("{error}: {found}"));
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(report["ok"], findings.is_empty());
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap().to_owned();
    assert!(findings.iter().all(|finding| !text(finding, "remedy").is_empty() && !text(finding, "finding").is_empty()));
    let mut found: Vec<_> = findings.iter().map(|finding| (text(finding, "cause"), text(finding, "subject"))).collect();
    found.sort();
    found
}

/// Exit code and standard output.
fn examine(lab: &Lab, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command: Command = lab.agent_command(dsr_program()).unwrap();
    let output = finish(command.args(["doctor", "-c", "/run/dsr/dsr.yaml"]).args(arguments));
    let note = String::from_utf8_lossy(&output.stderr);
    if arguments.contains(&"--json") {
        assert_eq!(note, "");
    } else {
        assert!(
            note.starts_with("note: VIPs do not answer on this host itself") && note.lines().count() == 1,
            "{note}"
        );
    }
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

fn named(found: &[(&str, &str)]) -> Vec<(String, String)> {
    found.iter().map(|(cause, subject)| ((*cause).to_owned(), (*subject).to_owned())).collect()
}
