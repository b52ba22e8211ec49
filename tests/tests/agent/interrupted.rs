//! Signals that come while the agent makes a long plan: they are heeded in the middle of it.

use dsr_lab::Lab;
use dsr_tests::lab::{
    Configuration,
    agent::{self, has_program, running, wait_for_log},
    curl::request_many,
    dsr_program, eventually,
};
use rustix::process::Signal;

/// Enough for a plan that goes on long after its signal.
const SERVICES: u16 = 20_000;

fn many_services(lab: &Lab) -> Configuration {
    let vip = lab.vip(0).unwrap();
    (0..SERVICES).fold(Configuration::of(lab), |all, number| {
        all.line(&format!("name: service{number}, vip: {vip}, port: {}", 10_000 + number))
    })
}

/// How many directories of maps there are: a load makes one before it plans.
fn loads(lab: &Lab) -> usize {
    let entries = std::fs::read_dir(lab.directory().join("bpf/dsr")).into_iter().flatten();
    entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("maps-")).count()
}

/// Starts the agent, sends the signal as soon as a load is there that was not, and waits for its end.
fn interrupt_start(lab: &mut Lab, signal: Signal) {
    lab.write_config(&many_services(lab).to_string()).unwrap();
    let before = loads(lab);
    lab.start_agent(dsr_program()).unwrap();
    eventually("a load", || (loads(lab) > before).then_some(()));
    running(lab).signal(signal);
    let status = eventually("end of the agent", || running(lab).ended());
    assert_eq!(status.code(), Some(0), "{signal:?}: {}", running(lab).log());
    let log = wait_for_log(running(lab), &["ended before it balanced"]);
    assert!(!running(lab).log().contains("INFO balancing"), "{log}");
}

#[test]
#[ignore = "needs root"]
fn a_first_start_leaves_nothing() {
    for signal in [Signal::TERM, Signal::USR1] {
        let mut lab = Lab::builder().backends(2).build().unwrap();
        interrupt_start(&mut lab, signal);
        assert!(!has_program(&lab, "eth0"));
        let pins = lab.directory().join("bpf/dsr");
        assert!(!pins.exists(), "{signal:?}: {:?}", pins.read_dir().map(|files| files.flatten().collect::<Vec<_>>()));
    }
}

#[test]
#[ignore = "needs root"]
fn a_takeover_leaves_the_predecessor_or_detaches_it_as_the_signal_asks() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    agent::start(&Configuration::of(&lab), &mut lab);
    running(&lab).signal(Signal::KILL);
    eventually("end of the first agent", || running(&lab).ended());
    interrupt_start(&mut lab, Signal::USR1);
    assert!(has_program(&lab, "eth0"));
    assert_eq!(request_many(&lab, 50).good, 50);
    interrupt_start(&mut lab, Signal::TERM);
    assert!(!has_program(&lab, "eth0"));
    assert!(!lab.directory().join("bpf/dsr").exists());
}

#[test]
#[ignore = "needs root"]
fn a_reload_ends_with_the_agent() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    agent::start(&Configuration::of(&lab), &mut lab);
    let before = loads(&lab);
    lab.write_config(&many_services(&lab).to_string()).unwrap();
    // Larger tables are loaded before they are planned for.
    eventually("a load", || (loads(&lab) > before).then_some(()));
    running(&lab).signal(Signal::TERM);
    let status = eventually("end of the agent", || running(&lab).ended());
    assert_eq!(status.code(), Some(0), "{}", running(&lab).log());
    wait_for_log(running(&lab), &["the program is detached"]);
    let log = running(&lab).log();
    assert!(!log.contains("INFO reloaded") && !log.contains("ERROR"), "{log}");
    assert!(!has_program(&lab, "eth0") && !lab.directory().join("bpf/dsr").exists());
}
