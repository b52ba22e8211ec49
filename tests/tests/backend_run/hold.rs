//! The VIPs on the loopback: held, kept silent, and released to what was before.

use std::{collections::BTreeMap, fs};

use dsr_lab::Pass;
use dsr_tests::lab::process::{ip, set};
use rustix::process::Signal;

use super::{agent::Agent, restart::undo, world::World};

#[test]
#[ignore = "needs root"]
fn vips_are_held_silently_and_the_host_is_left_as_it_was() {
    let world = bare();
    let [vip, vip6] = world.vips();
    // One VIP was there before, and stays.
    ip(world.backend(), &format!("address add {vip6}/128 dev lo nodad"));
    let before = state(&world);
    let agent = Agent::start(world.backend(), &world.place, &world.yaml("accept: [ipip]"));
    let held = state(&world);
    assert!(held.contains_key(&format!("lo {vip}/32")), "{held:?}");
    assert_eq!((held["arp_ignore"].as_str(), held["arp_announce"].as_str()), ("1", "2"));
    let (status, log) = agent.end(Signal::TERM);
    assert!(status.success(), "{log}");
    assert_eq!(state(&world), before);
    // The same after a crash, by command; a second time there is nothing to do.
    Agent::start(world.backend(), &world.place, &world.yaml("accept: [ipip]")).end(Signal::KILL);
    assert_eq!(state(&world), held);
    for _ in 0..2 {
        let output = undo(world.backend(), &world.place);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(state(&world), before);
        assert_eq!(world.program("eth0"), None);
    }
}

#[test]
#[ignore = "needs root"]
fn a_vip_that_leaves_the_file_is_released_by_the_restart() {
    let world = bare();
    let [vip, vip6] = world.vips();
    let yaml = world.yaml("accept: [ipip]");
    let agent = Agent::start(world.backend(), &world.place, &yaml);
    let held = state(&world);
    assert!(held.contains_key(&format!("lo {vip}/32")) && held.contains_key(&format!("lo {vip6}/128")), "{held:?}");
    agent.end(Signal::USR1);
    let agent = Agent::start(world.backend(), &world.place, &yaml.replace(&format!(", \"{vip6}\""), ""));
    let held = state(&world);
    assert!(held.contains_key(&format!("lo {vip}/32")) && !held.contains_key(&format!("lo {vip6}/128")), "{held:?}");
    agent.end(Signal::TERM);
}

#[test]
#[ignore = "needs root"]
fn vips_that_are_held_by_other_means_are_left_alone() {
    let world = bare();
    let before = state(&world);
    let agent = Agent::start(world.backend(), &world.place, &world.yaml("accept: [ipip]\nhold_vips: false"));
    assert_eq!(state(&world), before);
    agent.end(Signal::TERM);
    assert_eq!(state(&world), before);
}

#[test]
#[ignore = "needs root"]
fn a_vip_on_another_interface_is_an_error() {
    let world = bare();
    let [vip, _] = world.vips();
    ip(world.backend(), &format!("address add {vip}/32 dev eth0"));
    let mut agent = Agent::spawn(world.backend(), &world.place, &world.yaml("accept: [ipip]"));
    let (status, log) = agent.wait();
    let told = format!("cannot hold the VIPs: {vip} is an address of eth0, which announces it: ip address del");
    assert!(status.code() == Some(1) && log.contains(&told), "{log}");
    assert_eq!(world.program("eth0"), None);
}

/// A start that fails leaves the host as it was.
#[test]
#[ignore = "needs root"]
fn a_start_that_fails_releases_the_vips() {
    let world = bare();
    let before = state(&world);
    let other = world.backend().run(|| Pass::attach("eth0")).unwrap().unwrap();
    let mut agent = Agent::spawn(world.backend(), &world.place, &world.yaml("accept: [ipip]"));
    let (status, log) = agent.wait();
    assert!(status.code() == Some(1) && log.contains("another XDP program is attached"), "{log}");
    assert_eq!(state(&world), before);
    assert!(!world.place.pins.exists(), "pins are left");
    drop(other);
}

/// A world whose backend holds no VIP yet.
fn bare() -> World {
    let world = World::build();
    for vip in world.vips() {
        let prefix = if vip.is_ipv4() { 32 } else { 128 };
        ip(world.backend(), &format!("address del {vip}/{prefix} dev lo"));
    }
    for key in ["arp_ignore", "arp_announce"] {
        for interface in ["all", "lo", "eth0"] {
            set(world.backend(), &format!("ipv4.conf.{interface}.{key}"), "0");
        }
    }
    world
}

/// What the agent could change: addresses with their scope, and settings.
fn state(world: &World) -> BTreeMap<String, String> {
    let mut state = BTreeMap::new();
    for line in ip(world.backend(), "-o address show").lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        state.insert(format!("{} {}", words[1], words[3]), String::new());
    }
    for key in ["arp_ignore", "arp_announce"] {
        let path = format!("/proc/sys/net/ipv4/conf/all/{key}");
        let value = world.backend().run(|| fs::read_to_string(path)).unwrap().unwrap();
        state.insert(key.to_owned(), value.trim().to_owned());
    }
    state
}
