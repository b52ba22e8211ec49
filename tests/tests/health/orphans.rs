//! What check commands leave behind, in sessions of their own.

use std::fs;

use dsr_lab::Lab;
use dsr_tests::lab::{
    Configuration,
    agent::{self, running},
    eventually,
};

use crate::seen::wait_probes;

#[test]
#[ignore = "needs root"]
fn nothing_of_a_command_is_left_when_it_has_ended_or_is_late() {
    let seconds = format!("{}.75", 40_000 + std::process::id() % 10_000);
    let mut lab = Lab::builder().backends(1).build().unwrap();
    let configuration = Configuration::of(&lab);
    // In another session; without an environment and with a parent that has ended; one below the other.
    let left = format!(
        "setsid sleep {seconds} & env -i setsid -f sleep {seconds}; setsid -f sh -c 'setsid -f sleep {seconds}; sleep {seconds}'"
    );
    let checks = [format!("{left}; exit 0"), format!("{left}; sleep {seconds}")];
    let health = |script: &str| {
        format!("{{command: [/bin/sh, -c, \"{script}\"], interval: 300ms, timeout: 300ms, rise: 1, fall: 1}}")
    };
    agent::start(&configuration, &mut lab);
    for check in &checks {
        take(&lab, &configuration.clone().health(&health(check)));
        eventually("a process of a command", || (sleeping(&seconds) > 0).then_some(()));
        wait_probes(&lab, &["web1"], 5.0);
        agent::reload(&configuration, &lab);
        eventually("no process of a command", || (sleeping(&seconds) == 0).then_some(()));
        eventually("no child of the agent", || children(running(&lab).pid()).is_empty().then_some(()));
    }
    take(&lab, &configuration.clone().health(&health(&checks[1])));
    eventually("a process of a command", || (sleeping(&seconds) > 0).then_some(()));
    assert_eq!(running(&lab).stop().and_then(|status| status.code()), Some(0), "{}", running(&lab).log());
    assert_eq!(sleeping(&seconds), 0);
}

/// Lets the agent take a file by which the backend may be down.
fn take(lab: &Lab, configuration: &Configuration) {
    let before = agent::reloads(running(lab), "ok");
    lab.write_config(&configuration.to_string()).unwrap();
    agent::wait_for_reload(running(lab), "ok", before);
}

/// How many processes sleep for so long.
fn sleeping(seconds: &str) -> usize {
    let line = format!("sleep\0{seconds}\0");
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter(|process| fs::read(process.path().join("cmdline")).is_ok_and(|read| read == line.as_bytes())).count()
}

/// The children of a process, including those not waited for yet.
fn children(id: u32) -> String {
    let threads = fs::read_dir(format!("/proc/{id}/task")).unwrap().flatten();
    threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok()).collect()
}
