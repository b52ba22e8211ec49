//! Commands whose reader has gone, and what else they end with.

use std::process::{Command, Stdio};

use dsr_lab::Lab;
use dsr_tests::lab::{Configuration, agent, dsr_program, process::finish};

use super::{complaint, dsr, said};

/// Runs `dsr` with a standard output without a reader: what it complained of, and its exit code.
fn unread(lab: &Lab, arguments: &str) -> (String, Option<i32>) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = lab.agent_command(dsr_program()).unwrap();
    let child = command.args(arguments.split(' ')).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    let output = child.wait_with_output().unwrap();
    (complaint(&output), output.status.code())
}

#[test]
#[ignore = "needs root"]
fn a_reader_that_has_gone_is_no_failure() {
    let mut lab = Lab::builder().build().unwrap();
    agent::start(&Configuration::of(&lab), &mut lab);
    for arguments in [
        "status",
        "status --json",
        "explain 10.77.0.1:4711 10.77.0.10:80/tcp",
        "drain web1",
        "undrain web1",
        "reload",
        "detach --pins /sys/fs/bpf/nothing-there",
        "backend setup --os linux --vip 10.77.0.10",
        "--help",
        "status --help",
    ] {
        let (told, code) = unread(&lab, arguments);
        assert_eq!(
            (told.contains("roken pipe"), told.contains("panicked"), code),
            (false, false, Some(0)),
            "{arguments}: {told}"
        );
    }
    // The exit code still reports what was found.
    lab.write_config("interfaces: []\n").unwrap();
    let (told, code) = unread(&lab, "check -c /run/dsr/dsr.yaml");
    assert_eq!(code, Some(2), "{told}");
    assert_eq!(unread(&lab, "reload").1, Some(2));
    assert_eq!(unread(&lab, "status").1, Some(1));
}

#[test]
fn a_file_that_is_not_there_is_wrong_usage() {
    let run = |arguments: &[&str]| finish(Command::new(dsr_program()).args(arguments));
    for arguments in
        [["run", "-c", "/nonexistent/x"], ["check", "-c", "/nonexistent/x"], ["doctor", "-c", "/nonexistent/x"]]
    {
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let expected =
            "/nonexistent/x: cannot be read, No such file or directory (os error 2): create it, or name another file\n";
        assert_eq!(complaint(&output), expected, "{arguments:?}");
    }
    let help = run(&["check", "--help"]);
    assert!(said(&help).0.contains("[default: /etc/dsr/dsr.yaml]"), "{help:?}");
}

#[test]
#[ignore = "needs root"]
fn what_cannot_work_later_is_told_by_a_check() {
    let lab = Lab::builder().build().unwrap();
    let check = "{command: [/usr/local/bin/no-such-check]}";
    let configuration = Configuration::of(&lab).health(check).metrics(Some("127.0.0.1:80"));
    lab.write_config(&configuration.to_string()).unwrap();
    let told = complaint(&dsr(&lab, "check -c /run/dsr/dsr.yaml"));
    for warning in ["metrics: port 80 needs CAP_NET_BIND_SERVICE", "command[0]: no such program on this host"] {
        let line = told.lines().find(|line| line.contains(warning)).unwrap_or_else(|| panic!("{warning}: {told}"));
        assert!(line.starts_with("warning: /run/dsr/dsr.yaml:"), "{line}");
    }
}
