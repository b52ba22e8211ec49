//! Somebody removes the pins while the agent runs.

use dsr_lab::Lab;
use dsr_tests::lab::{
    Configuration,
    agent::{self, has_program, running},
    curl::request_many,
    dsr_program, eventually,
    process::{finish, ip},
};
use rustix::process::Signal;

/// A lab whose agent has lost its pins.
fn lab() -> (Lab, Configuration) {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let configuration = Configuration::of(&lab);
    agent::start(&configuration, &mut lab);
    remove_pins(&lab, "rm -r /sys/fs/bpf/dsr");
    (lab, configuration)
}

fn remove_pins(lab: &Lab, how: &str) {
    let removed = finish(lab.agent_command("/bin/sh").unwrap().args(["-c", how]));
    assert!(removed.status.success(), "{removed:?}");
}

#[test]
#[ignore = "needs root"]
fn an_agent_without_pins_stops_cleanly() {
    let (lab, _) = lab();
    let status = running(&lab).stop().and_then(|status| status.code());
    assert_eq!(status, Some(0), "{}", running(&lab).log());
    assert!(!has_program(&lab, "eth0") && !lab.directory().join("bpf/dsr").exists());
}

#[test]
#[ignore = "needs root"]
fn a_directory_of_others_in_the_place_of_the_pins_stays() {
    let (lab, _) = lab();
    // The agent may pin again between the two commands.
    remove_pins(&lab, "until rm -rf /sys/fs/bpf/dsr; mkdir /sys/fs/bpf/dsr; do :; done");
    assert_eq!(running(&lab).stop().and_then(|status| status.code()), Some(0), "{}", running(&lab).log());
    assert!(!has_program(&lab, "eth0") && lab.directory().join("bpf/dsr").exists());
}

#[test]
#[ignore = "needs root"]
fn a_reload_that_loads_anew_restores_the_pins_and_keeps_the_counters() {
    let (lab, configuration) = lab();
    assert_eq!(request_many(&lab, 50).good, 50);
    let counted = || agent::count(&lab, "dsr_member_packets_total", &[]);
    let before = counted();
    agent::reload(&configuration.hash_seed(77), &lab);
    assert!(counted() >= before, "{before} packets were counted, and then {}", counted());
    assert_eq!(request_many(&lab, 50).good, 50);
}

#[test]
#[ignore = "needs root"]
fn pins_that_were_removed_are_restored_for_the_next_agent() {
    let (mut lab, _) = lab();
    assert_eq!(request_many(&lab, 50).good, 50);
    let before = agent::count(&lab, "dsr_member_packets_total", &[]);
    agent::wait_for_log(running(&lab), &["pinned again"]);
    // A single file is missed too.
    remove_pins(&lab, "rm /sys/fs/bpf/dsr/maps-*/SERVICES /sys/fs/bpf/dsr/links/*");
    agent::wait_for_lines(running(&lab), &["pinned again"], 2);
    running(&lab).signal(Signal::KILL);
    eventually("end of the agent", || running(&lab).ended());
    assert!(has_program(&lab, "eth0"));
    lab.start_agent(dsr_program()).unwrap();
    lab.wait_ready().unwrap();
    agent::wait_for_log(running(&lab), &["took over from a terminated agent"]);
    let log = running(&lab).log();
    assert!(!log.contains("attached natively"), "{log}");
    assert!(agent::count(&lab, "dsr_member_packets_total", &[]) >= before);
    assert_eq!(request_many(&lab, 50).good, 50);
}

#[test]
#[ignore = "needs root"]
fn an_interface_that_returns_is_attached_without_pins() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let add = |lab: &Lab| {
        ip(lab.balancer(), "link add eth1 type veth peer name nowhere");
        ip(lab.balancer(), "link set eth1 up");
        ip(lab.balancer(), "link set nowhere up");
    };
    add(&lab);
    agent::start(&Configuration::of(&lab).interfaces(&["eth0", "eth1"]), &mut lab);
    ip(lab.balancer(), "link del eth1");
    agent::wait_for_log(running(&lab), &["the interface is gone"]);
    remove_pins(&lab, "rm -r /sys/fs/bpf/dsr");
    add(&lab);
    eventually("program", || has_program(&lab, "eth1").then_some(()));
    assert_eq!(request_many(&lab, 50).good, 50);
}
