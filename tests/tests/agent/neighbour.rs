//! Backends whose MAC comes, goes or changes.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use dsr::{announce::gratuitous_arp, model::Mac};
use dsr_lab::{Lab, Node, net::LinkState};
use dsr_tests::lab::{
    Configuration, agent,
    connections::{Connections, Servers},
    curl::request_many,
    datagram::NameServers,
    dsr_program, eventually,
    process::{Daemon, finish},
    traffic::{Traffic, services},
};

/// The agent with a log of all that it does.
fn talkative(lab: &Lab) -> PathBuf {
    let program = "talkative";
    let path = lab.directory().join(program);
    fs::write(&path, format!("#!/bin/sh\nDSR_LOG=debug exec {} \"$@\"\n", dsr_program().display())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    // As the agent sees the lab's directory.
    Path::new("/run/dsr").join(program)
}

fn ip(lab: &Lab, backend: u8, arguments: &str) -> String {
    let mut command = lab.backend(backend).unwrap().command("ip").unwrap();
    let output = finish(command.args(arguments.split(' ')));
    assert!(output.status.success(), "{arguments}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
#[ignore = "needs root"]
fn a_mac_that_changes_takes_traffic_along() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let _servers = NameServers::start(&lab);
    lab.write_config(&services(&lab).to_string()).unwrap();
    lab.start_agent(talkative(&lab)).unwrap();
    lab.wait_ready().unwrap();
    let mut monitor = lab.balancer().command("ip").unwrap();
    monitor.env("TZ", "UTC");
    let events = Daemon::start(monitor.args(["-tshort", "monitor", "neigh"]), &lab.directory().join("events"));
    for round in 1..=3 {
        let mac = Mac([2, 2, 0, 0, 0, round]);
        ip(&lab, 2, "link set eth0 down");
        ip(&lab, 2, &format!("link set eth0 address {mac}"));
        ip(&lab, 2, "link set eth0 up");
        eventually("port that forwards", || {
            // The kernel drops what is sent before; only the unsolicited answer is of interest.
            let index = ip(&lab, 2, "-o link show eth0").split(':').next()?.trim().parse().ok()?;
            lab.backend(2)?.run(|| gratuitous_arp(index, mac, Node::Backend(2).address())).ok()?.ok()?;
            reconciled_after(&agent::running(&lab).log(), &mac.to_string())
        });
        let done = reconciled_after(&agent::running(&lab).log(), &mac.to_string()).unwrap();
        let event = eventually("event of the kernel", || event_of(&events.log(), &mac.to_string()));
        println!("{mac}: in the maps {:.1} ms after the kernel's event", (done - event) * 1e3);

        let traffic = Traffic::start(&lab);
        traffic.reaches(2);
        traffic.goes_on();
        traffic.stop(0);
    }
}

#[test]
#[ignore = "needs root"]
fn a_backend_without_a_mac_gets_no_slots_until_it_has_one() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let _servers = NameServers::start(&lab);
    let all = services(&lab);
    lab.write_config(&all.to_string()).unwrap();
    lab.set_backend(2, LinkState::Down).unwrap();
    lab.start_agent(dsr_program()).unwrap();
    agent::wait_for_slots(agent::running(&lab), &all.clone().without("web2"));
    let samples = agent::running(&lab).scrape().unwrap();
    let of = |name, backend| samples.sum(name, &[("backend", backend)]) as u64;
    assert_eq!((of("dsr_backend_reachable", "web1"), of("dsr_backend_reachable", "web2")), (1, 0));
    assert_eq!((of("dsr_member_slots", "web2"), of("dsr_backend_unreachable", "web2")), (0, 1));
    agent::wait_for_log(agent::running(&lab), &["the backend is unreachable: it gets no flows", "web2"]);

    let answers = request_many(&lab, 100);
    assert_eq!((answers.good, answers.bodies.get("web1")), (100, Some(&100)));

    let traffic = Traffic::start(&lab);
    lab.set_backend(2, LinkState::Up).unwrap();
    agent::wait_for_slots(agent::running(&lab), &all);
    traffic.reaches(2);
    traffic.stop(0);
}

#[test]
#[ignore = "needs root"]
fn a_backend_that_goes_quiet_loses_its_slots() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let all = Configuration::of(&lab);
    agent::start(&all, &mut lab);
    lab.set_backend(2, LinkState::Down).unwrap();
    let gone = |samples: &dsr_lab::Samples| samples.sum("dsr_member_slots", &[("backend", "web2")]) as u64 == 0;
    agent::running(&lab).wait_until("no slots for web2", dsr_tests::lab::PATIENCE, gone).unwrap();
    let answers = request_many(&lab, 100);
    assert_eq!((answers.good, answers.bodies.get("web1")), (100, Some(&100)));
    lab.set_backend(2, LinkState::Up).unwrap();
    agent::wait_for_slots(agent::running(&lab), &all);
    assert_eq!(request_many(&lab, 100).good, 100);
}

#[test]
#[ignore = "needs root"]
fn a_mac_that_changes_silently_breaks_no_connection() {
    assert_silent_change_breaks_none(&silent_lab());
}

#[test]
#[ignore = "needs root"]
fn a_mac_that_changes_silently_breaks_no_ipv6_connection() {
    assert_silent_change_breaks_none(&silent_lab6());
}

fn assert_silent_change_breaks_none(silent: &Silent) {
    let connections = Connections::open_to(silent.service, &silent.lab, 40);
    let before = connections.by_backend();
    let mac = Mac([2, 2, 0, 0, 0, 1]);
    ip(&silent.lab, 2, &format!("link set eth0 address {mac}"));
    eventually("new MAC in the maps", || reconciled_after(&agent::running(&silent.lab).log(), &mac.to_string()));
    connections.go_on();
    assert_eq!((connections.by_backend(), connections.broken().len()), (before, 0), "{:?}", connections.broken());
    stayed(silent);
}

#[test]
#[ignore = "needs root"]
fn a_backend_that_answers_broadcast_arp_only_keeps_its_slots() {
    assert_unicast_questions_are_not_needed(&silent_lab(), "arp", "arp operation request");
}

#[test]
#[ignore = "needs root"]
fn a_backend_that_answers_multicast_solicitations_only_keeps_its_slots() {
    assert_unicast_questions_are_not_needed(&silent_lab6(), "ip6", "icmpv6 type nd-neighbor-solicit");
}

/// The backend drops what nftables' family `family` matches as `questions` where it is sent to its own MAC.
fn assert_unicast_questions_are_not_needed(silent: &Silent, family: &str, questions: &str) {
    let connections = Connections::open_to(silent.service, &silent.lab, 40);
    let before = connections.by_backend();
    let rules = format!(
        "table {family} t {{ chain c {{ type filter hook input priority 0; \
         {questions} meta pkttype host counter drop; }}; }}"
    );
    nft(&silent.lab, &rules);
    let dropped = || {
        let chain = nft(&silent.lab, &format!("list chain {family} t c"));
        chain.split("packets ").nth(1)?.split(' ').next()?.parse::<u64>().ok()
    };
    // The kernel asks three times before it gives a MAC up.
    eventually("second round of questions in vain", || dropped().filter(|&dropped| dropped > 3));
    connections.go_on();
    assert_eq!((connections.by_backend(), connections.broken().len()), (before, 0), "{:?}", connections.broken());
    stayed(silent);
}

/// Two backends without health checks, which hold servers of connections that live long.
pub(crate) struct Silent {
    pub(crate) lab: Lab,
    pub(crate) service: SocketAddr,
    /// Of the backends, as the agent knows them.
    addresses: [IpAddr; 2],
    _servers: Servers,
}

fn silent_lab() -> Silent {
    let lab = Lab::builder().backends(2).without_http().build().unwrap();
    let (all, service) = (Configuration::of(&lab), lab.service().into());
    start_silent(lab, &all, service, [1, 2].map(|number| Node::Backend(number).address().into()))
}

/// The same with IPv6 alone in the configuration.
fn silent_lab6() -> Silent {
    let lab = Lab::builder().backends(2).with_ipv6().without_http().build().unwrap();
    let service = lab.service6().unwrap();
    let www = format!("name: www, vip: \"{}\", port: {}", service.ip(), service.port());
    let all = Configuration::of(&lab).no_services().by_ipv6().line(&www);
    start_silent(lab, &all, service.into(), [1, 2].map(|number| Node::Backend(number).address6().into()))
}

pub(crate) fn start_silent(mut lab: Lab, all: &Configuration, service: SocketAddr, addresses: [IpAddr; 2]) -> Silent {
    let servers = Servers::start(&lab);
    lab.write_config(&all.to_string()).unwrap();
    lab.start_agent(talkative(&lab)).unwrap();
    agent::wait_for_slots(agent::running(&lab), all);
    Silent { lab, service, addresses, _servers: servers }
}

fn nft(lab: &Lab, arguments: &str) -> String {
    let output = finish(lab.backend(2).unwrap().command("nft").unwrap().arg(arguments));
    assert!(output.status.success(), "{arguments}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// No backend that had a MAC was without one later.
pub(crate) fn stayed(silent: &Silent) {
    for backend in silent.addresses.map(|address| address.to_string()) {
        agent::wait_for_log(agent::running(&silent.lab), &[&backend, "backend has a MAC"]);
        let log = agent::running(&silent.lab).log();
        let of_backend = log.lines().filter(|line| line.contains(&backend));
        let mut since = of_backend.skip_while(|line| !line.contains("backend has a MAC"));
        since.next();
        let lost = since.find(|line| line.contains("has no MAC") || line.contains("unreachable"));
        assert_eq!(lost, None, "{log}");
    }
}

/// When the agent had written its maps for the first time after it learnt a MAC, in seconds of the day.
fn reconciled_after(log: &str, mac: &str) -> Option<f64> {
    let mut lines = log.lines().skip_while(|line| !(line.contains("backend has a MAC") && line.contains(mac)));
    seconds(lines.find(|line| line.contains("reconciled"))?)
}

/// When the kernel first told of a MAC.
fn event_of(events: &str, mac: &str) -> Option<f64> {
    seconds(events.lines().find(|line| line.contains(mac))?.trim_start_matches('['))
}

/// The time in a line that begins as `2026-01-02T03:04:05.678901`.
fn seconds(line: &str) -> Option<f64> {
    let mut parts = line.split_once('T')?.1.get(..15)?.split(':').map(|part| part.parse::<f64>().ok());
    Some(parts.next()?? * 3600.0 + parts.next()?? * 60.0 + parts.next()??)
}
