//! Restarts, wrong files and what is left behind.

use std::process::Output;

use dsr_lab::Namespace;
use dsr_tests::lab::{
    dsr_program, eventually,
    process::{finish, ip},
};
use rustix::process::Signal;

use super::{
    agent::{Agent, Place},
    balancer::Balancer,
    tunnel::Tunnel,
    world::World,
};

#[test]
#[ignore = "needs root"]
fn a_restart_leaves_the_program_attached_and_its_counters_go_on() {
    let world = World::build();
    let [vip, _] = world.vips();
    let _balancer = Balancer::start(&world.lab, Tunnel::Ipip, World::ends(true));
    let agent = Agent::start(world.backend(), &world.place, &world.yaml("accept: [ipip]"));
    world.assert_serves(vip);
    let (first, counted) = (world.program("eth0").unwrap(), agent.count("decap_ipip"));
    let (status, log) = agent.end(Signal::USR1);
    assert!(status.success(), "{log}");
    // No agent runs, and requests are answered.
    assert_eq!(world.program("eth0"), Some(first));
    world.assert_serves(vip);
    let agent = Agent::start(world.backend(), &world.place, &world.yaml("accept: [ipip, gue]"));
    assert_ne!(world.program("eth0").unwrap(), first, "the program of the changed file is not in force");
    assert!(agent.count("decap_ipip") > counted, "the counters began anew");
    world.assert_serves(vip);
    // A crash is no different.
    agent.end(Signal::KILL);
    world.assert_serves(vip);
    let agent = Agent::start(world.backend(), &world.place, &world.yaml("accept: [ipip]"));
    let (status, log) = agent.end(Signal::TERM);
    assert!(status.success(), "{log}");
    assert_eq!(world.program("eth0"), None);
    assert!(!world.place.pins.exists(), "pins are left");
}

#[test]
#[ignore = "needs root"]
fn an_interface_that_leaves_the_file_loses_the_program_and_one_made_anew_gets_it() {
    let world = World::build();
    ip(world.backend(), "link add more0 type veth peer name more1");
    let yaml = world.yaml("accept: [ipip]");
    let both = yaml.replace("[eth0]", "[eth0, more0]");
    let agent = Agent::start(world.backend(), &world.place, &both);
    assert!(world.program("more0").is_some());
    ip(world.backend(), "link del more0");
    ip(world.backend(), "link add more0 type veth peer name more1");
    eventually("program on the new interface", || world.program("more0"));
    agent.end(Signal::USR1);
    let agent = Agent::start(world.backend(), &world.place, &yaml);
    assert_eq!(world.program("more0"), None);
    assert!(world.program("eth0").is_some());
    agent.end(Signal::TERM);
}

#[test]
#[ignore = "needs root"]
fn what_is_wrong_is_said_and_changes_nothing() {
    let world = World::build();
    let fails = |yaml: &str, code: i32, said: &str| {
        let mut agent = Agent::spawn(world.backend(), &world.place, yaml);
        let (status, log) = agent.wait();
        assert_eq!(status.code(), Some(code), "{log}");
        assert!(log.contains(said), "{log}");
        assert_eq!(world.program("eth0"), None);
    };
    let yaml = world.yaml("accept: [ipip]");
    fails(
        &yaml.replace("[eth0]", "[eth7]"),
        1,
        "this host has no interface eth7: write one of those that it has: eth0",
    );
    fails(&yaml.replace("ipip", "vxlan"), 2, "accept[0]: `vxlan` is not a tunnel");
    fails(&yaml.replace("127.0.0.1:9651", "10.1.1.1:9651"), 1, "10.1.1.1 is not an address of this node");
    // Another agent has the pins.
    let agent = Agent::start(world.backend(), &world.place, &yaml);
    let mut second = Agent::spawn(world.backend(), &world.place, &yaml.replace("9651", "9652"));
    let (status, log) = second.wait();
    assert!(status.code() == Some(1) && log.contains("is in use by another agent"), "{log}");
    agent.end(Signal::TERM);
}

/// Runs `dsr backend run --undo`.
pub(crate) fn undo(namespace: &Namespace, place: &Place) -> Output {
    let mut command = namespace.command(dsr_program()).unwrap();
    finish(command.args(["backend", "run", "--undo"]).args(place.arguments()))
}
