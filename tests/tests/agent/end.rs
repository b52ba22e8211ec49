//! How the agent ends, and what it leaves.

use dsr_lab::{Lab, Node};
use dsr_tests::lab::{
    Configuration,
    agent::{self, has_program},
    arp::told_of,
    curl::request_many,
    dsr_program, eventually,
    process::ip,
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
#[ignore = "needs root"]
fn a_signal_detaches_the_program_and_ends_well() {
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

/// Ends the agent so that its program stays, and shows that it does.
fn leave(lab: &Lab, signal: Signal) {
    let running = agent::running(lab);
    running.signal(signal);
    eventually("end of the agent", || running.ended());
    assert!(has_program(lab, "eth0"), "{}", running.log());
    let (vip, own) = (lab.vip(0).unwrap(), Node::Balancer.address());
    assert_eq!(told_of(lab.client(), vip, own), [own, vip]);
    assert_eq!(request_many(lab, 50).good, 50);
}

#[test]
#[ignore = "needs root"]
fn an_agent_that_hands_over_leaves_its_program_to_the_next() {
    for signal in [Signal::USR1, Signal::KILL] {
        let mut lab = lab();
        assert_eq!(request_many(&lab, 50).good, 50);
        let counted = |lab: &Lab| agent::count(lab, "dsr_member_packets_total", &[]);
        let before = counted(&lab);
        leave(&lab, signal);
        lab.start_agent(dsr_program()).unwrap();
        lab.wait_ready().unwrap();
        agent::wait_for_log(agent::running(&lab), &["took over from a terminated agent"]);
        let log = agent::running(&lab).log();
        assert!(!log.contains("attached natively"), "{log}");
        let after = counted(&lab);
        assert!(after > before + 50, "{before} packets were counted, and then {after}: {log}");
        agent::running(&lab).stop();
        assert!(!has_program(&lab, "eth0"));
        starts_anew(lab);
    }
}

#[test]
#[ignore = "needs root"]
fn neighbours_that_nobody_looked_after_keep_their_slots() {
    let mut lab = lab();
    leave(&lab, Signal::KILL);
    // As the kernel does with what was not used for long.
    ip(lab.balancer(), "neighbour flush dev eth0");
    lab.start_agent(dsr_program()).unwrap();
    lab.wait_ready().unwrap();
    agent::wait_for_log(agent::running(&lab), &["took over"]);
    let log = agent::running(&lab).log();
    assert!(!log.contains("unreachable"), "{log}");
    assert_eq!((agent::count(&lab, "dsr_slots_tracked", &[]), request_many(&lab, 50).good), (0, 50));
}

#[test]
#[ignore = "needs root"]
fn what_a_dead_agent_left_can_be_removed() {
    let lab = lab();
    let detach = || {
        let output = lab.agent_command(dsr_program()).unwrap().arg("detach").output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code(), said)
    };
    let (code, said) = detach();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("is in use by another agent"), "{said}");
    leave(&lab, Signal::KILL);
    assert_eq!(
        detach(),
        (Some(0), "the program is detached from 1 interface; nothing is left at /sys/fs/bpf/dsr\n".into())
    );
    assert!(!has_program(&lab, "eth0"));
    assert_eq!(detach(), (Some(0), "nothing is left at /sys/fs/bpf/dsr\n".into()));
    starts_anew(lab);
}
