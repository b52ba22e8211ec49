//! A file that became bad changes nothing, and one that is good tells what it finds of the host.

use dsr_lab::Lab;
use dsr_tests::lab::{
    Configuration, agent,
    datagram::NameServers,
    process::ip,
    traffic::{Traffic, services},
};

#[test]
#[ignore = "needs root"]
fn a_bad_file_is_told_and_changes_nothing() {
    let mut lab = Lab::builder().build().unwrap();
    let _servers = NameServers::start(&lab);
    let all = services(&lab);
    agent::start(&all.clone().without("web3"), &mut lab);
    let running = agent::running(&lab);
    let hash = |samples: &dsr_lab::Samples| samples.sum("dsr_config_hash", &[]);
    let in_force = hash(&running.scrape().unwrap());
    let traffic = Traffic::start(&lab);
    traffic.goes_on();

    // web3 is in it, so that a part that was taken from it would show.
    let bad = all.to_string().replace("weight: 100", "weight: 1001").replace("interfaces: [eth0]", "interfaces: []");
    for yaml in [bad.as_str(), "", "pools: [\n"] {
        let before = (agent::reloads(running, "ok"), agent::reloads(running, "error"));
        lab.write_config(yaml).unwrap();
        agent::wait_for_reload(running, "error", before.1);
        traffic.goes_on();
        let samples = running.scrape().unwrap();
        assert_eq!((agent::reloads(running, "ok"), hash(&samples)), (before.0, in_force));
        assert_eq!(samples.named("dsr_member_slots").filter(|sample| sample.label("backend") == "web3").count(), 0);
    }
    for line in [
        "/run/dsr/dsr.yaml:1:1: interfaces: ",
        "/run/dsr/dsr.yaml:7:50: pools.web.backends[0].weight: ",
        "/run/dsr/dsr.yaml:8:50: pools.web.backends[1].weight: ",
        "not reloaded (the file changed): the previous configuration stays in force",
    ] {
        agent::wait_for_log(running, &[line]);
    }

    agent::reload(&all, &lab);
    traffic.reaches(3);
    traffic.stop(1);
}

#[test]
#[ignore = "needs root"]
fn what_a_file_newly_finds_of_the_host_is_told_once() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let one = Configuration::of(&lab);
    agent::start(&one, &mut lab);
    ip(lab.balancer(), "link add eth1 type veth peer name nowhere");
    ip(lab.balancer(), "link set eth1 up");
    ip(lab.balancer(), "link set nowhere up");
    let finding = ["its veth peer drops frames", "interface=\"eth1\""];
    let two = one.interfaces(&["eth0", "eth1"]);
    agent::reload(&two, &lab);
    agent::wait_for_log(agent::running(&lab), &finding);
    // What only the next file has comes after everything that is logged for this one.
    ip(lab.balancer(), "link set eth1 promisc on");
    agent::reload(&two.weight("web2", 50), &lab);
    agent::wait_for_log(agent::running(&lab), &["promiscuous", "interface=\"eth1\""]);
    let lines = agent::wait_for_lines(agent::running(&lab), &finding, 1);
    assert_eq!(lines.len(), 1, "{lines:#?}");
}
