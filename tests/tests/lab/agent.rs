//! What the lab does with its agent's process; what the agent does is tested elsewhere.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use dsr_lab::{Error, Lab};
use dsr_tests::lab::{eventually, is_alive};

/// A program in place of the agent, in a directory that goes with the test.
fn script(text: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("agent");
    fs::write(&program, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    (directory, program)
}

#[test]
#[ignore = "needs root"]
fn an_agent_that_ends_is_an_error_with_its_log() {
    let (_directory, program) = script("echo no such interface >&2; exit 2");
    let error = Lab::builder().backends(1).without_http().agent(program).build().unwrap_err();
    let Error::AgentEnded { status, log } = &error else { panic!("{error}") };
    assert_eq!((status.code(), log.as_str()), (Some(2), "no such interface"));
}

#[test]
#[ignore = "needs root"]
fn an_agent_sees_its_own_configuration_and_pins() {
    let (_directory, program) = script("echo $1 $2 $3; cat $3; mkdir /sys/fs/bpf/dsr && echo pinned; exec sleep 1000");
    let mut lab = Lab::builder().backends(1).without_http().build().unwrap();
    lab.write_config("hello\n").unwrap();
    let agent = lab.start_agent(&program).unwrap();
    let log = eventually("pin", || Some(agent.log()).filter(|log| log.ends_with("pinned\n")));
    assert_eq!(log, "run -c /run/dsr/dsr.yaml\nhello\npinned\n");
    assert!(lab.directory().join("bpf/dsr").is_dir());

    let beside = lab.agent_command("ls").unwrap().arg("/sys/fs/bpf").output().unwrap();
    assert!(String::from_utf8(beside.stdout).unwrap().contains("dsr"));
}

#[test]
#[ignore = "needs root"]
fn an_agent_stops_with_its_lab() {
    let (_directory, program) = script("echo up; exec sleep 1000");
    let mut lab = Lab::builder().backends(0).without_http().build().unwrap();
    let pid = lab.start_agent(&program).unwrap().pid();
    assert!(is_alive(pid));
    drop(lab);
    assert!(!is_alive(pid));
}
