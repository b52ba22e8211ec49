//! What steers probes is removed by another program, or cannot be laid: no backend's fault, and no reload's.

use dsr_lab::{Broken, Fault, Lab};
use dsr_tests::lab::{
    Configuration,
    agent::{self, running, wait_for_lines},
    dsr_program, eventually,
    process::{finish, ip},
};

use crate::{
    detach,
    leftovers::node,
    seen::{HTTP, wait, wait_cause, wait_passes, wait_probes},
};

const BACKENDS: [&str; 2] = ["web1", "web2"];

#[test]
#[ignore = "needs root"]
fn what_steers_probes_is_laid_again_and_no_backend_goes_down() {
    let (lab, _) = checked();
    let during = node(&lab);
    let removals = ["rule del pref 100", "link del dsr-probe", "route flush table 54752", "link set dsr-probe down"];
    for (times, removal) in removals.into_iter().enumerate() {
        ip(lab.balancer(), removal);
        wait_for_lines(running(&lab), &["health probes are steered again"], times + 1);
        assert_eq!(node(&lab), during, "after `ip {removal}`");
        wait_probes(&lab, &BACKENDS, 4.0);
    }
    assert_none_was_down(&lab);
    // The checks work as before.
    lab.break_backend(Broken { backend: 1, fault: Fault::App }).unwrap();
    wait_cause(&lab, "web1", "application-down");
}

#[test]
#[ignore = "needs root"]
fn a_program_that_was_detached_is_attached_again_and_no_backend_goes_down() {
    let (lab, _) = checked();
    for times in 1..=2 {
        detach::from(lab.balancer(), "dsr-probe");
        wait_for_lines(
            running(&lab),
            &["the program on dsr-probe that sends probes to their backends was removed"],
            times,
        );
        wait_for_lines(running(&lab), &["health probes are steered again"], times);
        wait_probes(&lab, &BACKENDS, 4.0);
    }
    assert_none_was_down(&lab);
    lab.break_backend(Broken { backend: 1, fault: Fault::App }).unwrap();
    wait_cause(&lab, "web1", "application-down");
}

#[test]
#[ignore = "needs root"]
fn while_probes_cannot_be_steered_backends_keep_their_states() {
    let (lab, configuration) = checked();
    take_name(&lab);
    wait_unsteered(&lab);
    assert_unsteered(&lab);
    agent::reload(&configuration.clone().health("{tcp: {}, interval: 200ms, timeout: 200ms, rise: 1, fall: 1}"), &lab);
    assert_none_was_down(&lab);
    free_name(&lab);
}

#[test]
#[ignore = "needs root"]
fn a_link_that_cannot_be_laid_refuses_no_reload() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let unchecked = Configuration::of(&lab);
    agent::start(&unchecked, &mut lab);
    take_name(&lab);
    agent::reload(&unchecked.clone().health(HTTP), &lab);
    wait_unsteered(&lab);
    assert_unsteered(&lab);
    assert!(agent::reloads(running(&lab), "error") == 0.0, "{}", running(&lab).log());
    free_name(&lab);
}

/// A lab with two backends that pass their checks.
fn checked() -> (Lab, Configuration) {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let configuration = Configuration::of(&lab).health(HTTP);
    agent::start(&configuration, &mut lab);
    for backend in BACKENDS {
        wait_passes(&lab, backend);
    }
    (lab, configuration)
}

/// A link of another program gets the name of the probe link's other end, in place of a probe link that is there.
fn take_name(lab: &Lab) {
    let add = "ip link add dsr-probe-end type veth peer name foreign";
    // The agent may lay its link again between the two commands.
    let script = format!("until {add}; do ip link del dsr-probe; done");
    assert!(finish(lab.balancer().command("sh").unwrap().args(["-c", &script])).status.success());
}

/// It is gone: checks have results again.
fn free_name(lab: &Lab) {
    ip(lab.balancer(), "link del foreign");
    wait(lab, "probes with a result", |samples| samples.named("dsr_backend_unchecked").next().is_none());
    for backend in BACKENDS {
        wait_passes(lab, backend);
    }
    assert_none_was_down(lab);
    assert!(!status(lab).contains("wrong: dsr-probe"), "{}", status(lab));
}

fn wait_unsteered(lab: &Lab) {
    wait(lab, "probes without a result", |samples| samples.named("dsr_backend_unchecked").count() == BACKENDS.len());
}

fn assert_unsteered(lab: &Lab) {
    eventually("a finding", || status(lab).contains("wrong: dsr-probe: health checks have no result").then_some(()));
}

fn assert_none_was_down(lab: &Lab) {
    let log = running(lab).log();
    assert!(!log.contains("the backend is down"), "{log}");
}

fn status(lab: &Lab) -> String {
    let told = finish(lab.agent_command(dsr_program()).unwrap().arg("status"));
    String::from_utf8_lossy(&told.stdout).into_owned()
}
