//! How the agent ends, and what it leaves.

use dsr::lab::{Lab, Node};
use dsr_tests::{
    lab::{
        Configuration,
        agent::{self, has_program},
        arp::told_of,
        curl::request_many,
        dsr_program, eventually,
    },
    privilege::is_root,
};
use rustix::process::Signal;

fn lab() -> Lab {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    agent::start(&Configuration::of(&lab), &mut lab);
    assert!(has_program(&lab, "eth0"));
    let (vip, own) = (lab.vip(0).unwrap(), Node::Balancer.address());
    assert_eq!(told_of(lab.client(), vip, own), [own, vip]);
    lab
}

/// Asserts that nothing of the agent is left, and that the next one starts as if it were the first.
fn starts_anew(mut lab: Lab) {
    let (vip, own) = (lab.vip(0).unwrap(), Node::Balancer.address());
    assert_eq!(told_of(lab.client(), vip, own), [own]);
    assert!(!lab.directory().join("bpf/dsr").exists());
    lab.start_agent(dsr_program()).unwrap();
    lab.wait_ready().unwrap();
    assert_eq!(request_many(&lab, 100).good, 100);
}

#[test]
fn a_signal_detaches_the_program_and_ends_well() {
    if !is_root("a_signal_detaches_the_program_and_ends_well") {
        return;
    }
    for signal in [Signal::TERM, Signal::INT] {
        let lab = lab();
        let running = agent::running(&lab);
        running.signal(signal);
        let status = eventually("end of the agent", || running.ended());
        assert_eq!(status.code(), Some(0), "{signal:?}: {}", running.log());
        assert!(running.log().contains("the program is detached"), "{}", running.log());
        eventually("interface without program", || (!has_program(&lab, "eth0")).then_some(()));
        starts_anew(lab);
    }
}

#[test]
fn a_killed_agent_takes_its_program_along() {
    if !is_root("a_killed_agent_takes_its_program_along") {
        return;
    }
    let lab = lab();
    let running = agent::running(&lab);
    running.signal(Signal::KILL);
    eventually("end of the agent", || running.ended());
    eventually("interface without program", || (!has_program(&lab, "eth0")).then_some(()));
    starts_anew(lab);
}
