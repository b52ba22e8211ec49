//! A refused file: reported for as long as it lasts, and tried again when the reason has passed.

use std::{fs, process::Command};

use dsr::{api::view::Status, config::LARGEST};
use dsr_lab::Pass;
use dsr_lab::{Lab, Samples};
use dsr_tests::lab::{Configuration, PATIENCE, agent, agent::has_program, dsr_program, eventually, process::finish};

fn status(lab: &Lab) -> (Status, Option<i32>) {
    let mut command = lab.agent_command(dsr_program()).unwrap();
    let output = finish(command.args(["status", "--json"]));
    (serde_json::from_slice(&output.stdout).unwrap(), output.status.code())
}

fn in_force(lab: &Lab) -> bool {
    agent::count(lab, "dsr_config_in_force", &[]) == 1
}

fn ip(lab: &Lab, arguments: &str) {
    let mut command = lab.balancer().command("ip").unwrap();
    let output = finish(command.args(arguments.split(' ')));
    assert!(output.status.success(), "{arguments}: {output:?}");
}

#[test]
#[ignore = "needs root"]
fn a_refused_file_is_a_finding_until_a_good_one_is_there() {
    let mut lab = Lab::builder().build().unwrap();
    let good = Configuration::of(&lab);
    agent::start(&good, &mut lab);
    assert!(in_force(&lab));
    assert_eq!(status(&lab).1, Some(0));

    let before = agent::reloads(agent::running(&lab), "error");
    lab.write_config(&good.to_string().replace("weight: 100", "weight: 1001")).unwrap();
    agent::wait_for_reload(agent::running(&lab), "error", before);
    assert!(!in_force(&lab));
    let (all, code) = status(&lab);
    let [finding] = all.findings.as_slice() else { panic!("{all:?}") };
    assert_eq!((finding.object.as_str(), code), ("/run/dsr/dsr.yaml", Some(1)));
    assert!(finding.finding.starts_with("the file on disk is not in force for 3 errors"), "{finding}");
    assert!(finding.finding.contains("backends[0].weight: 1001 is not a weight"), "{finding}");
    assert!(finding.remedy.contains("dsr check"), "{finding}");

    agent::reload(&good, &lab);
    assert!(in_force(&lab));
    assert_eq!(status(&lab).1, Some(0));
}

#[test]
#[ignore = "needs root"]
fn a_file_is_tried_again_when_its_interface_is_there() {
    let mut lab = Lab::builder().build().unwrap();
    let one = Configuration::of(&lab);
    agent::start(&one, &mut lab);
    let before = agent::reloads(agent::running(&lab), "error");
    lab.write_config(&one.clone().interfaces(&["eth0", "eth1"]).to_string()).unwrap();
    agent::wait_for_reload(agent::running(&lab), "error", before);
    assert!(!in_force(&lab));
    assert!(status(&lab).0.findings[0].remedy.starts_with("it is retried"));
    // Another interface is a change of the host, and not the one that is waited for.
    ip(&lab, "link add other type veth peer name nowhere2");
    ip(&lab, "link add eth1 type veth peer name nowhere");
    ip(&lab, "link set eth1 up");
    agent::running(&lab).wait_until("the file in force", PATIENCE, |samples| shows(samples, true)).unwrap();
    assert!(has_program(&lab, "eth1"));
    assert_eq!(status(&lab).0.reloads.error, 1, "a repeated refusal for the same reason is reported once");
    let lines = agent::wait_for_lines(agent::running(&lab), &["this host has no interface eth1"], 1);
    assert_eq!(lines.len(), 1, "{lines:#?}");
}

#[test]
#[ignore = "needs root"]
fn a_file_that_cannot_be_read_is_refused_until_it_can() {
    let mut lab = Lab::builder().build().unwrap();
    let good = Configuration::of(&lab);
    agent::start(&good, &mut lab);
    let path = lab.write_config(&good.to_string()).unwrap();
    let replace: [(&dyn Fn(), &str); 4] = [
        (&|| fs::create_dir(&path).unwrap(), "is a directory: name a regular file"),
        (&|| drop(finish(Command::new("mkfifo").arg(&path))), "is a FIFO: name a regular file"),
        (&|| fs::File::create(&path).unwrap().set_len(LARGEST + 1).unwrap(), "has more than 8 MiB"),
        (&|| {}, "the configuration file is gone: the next start of the agent fails"),
    ];
    for (replace, what) in replace {
        fs::remove_file(&path).unwrap();
        replace();
        agent::running(&lab).wait_until(what, PATIENCE, |samples| shows(samples, false)).unwrap();
        let (all, code) = status(&lab);
        assert!(all.findings.iter().any(|finding| finding.finding.contains(what)), "{what}: {all:?}");
        assert_eq!(code, Some(1));
        if path.exists() {
            fs::remove_file(&path).or_else(|_| fs::remove_dir(&path)).unwrap();
        }
        lab.write_config(&good.to_string()).unwrap();
        agent::running(&lab).wait_until("the file in force", PATIENCE, |samples| shows(samples, true)).unwrap();
    }
}

#[test]
#[ignore = "needs root"]
fn a_file_that_is_not_watched_has_no_finding_that_outlasts_it() {
    let mut lab = Lab::builder().build().unwrap();
    let good = Configuration::of(&lab).top("watch: off");
    agent::start(&good, &mut lab);
    let path = lab.write_config(&good.to_string()).unwrap();
    fs::remove_file(&path).unwrap();
    let mut command = lab.agent_command(dsr_program()).unwrap();
    assert_eq!(finish(command.arg("reload")).status.code(), Some(2));
    assert!(!in_force(&lab));
    // As it was, and at once.
    lab.write_config(&good.to_string()).unwrap();
    agent::running(&lab).wait_until("the file in force", PATIENCE, |samples| shows(samples, true)).unwrap();
    assert_eq!(status(&lab).1, Some(0));
}

#[test]
#[ignore = "needs root"]
fn an_interface_that_another_program_has_is_tried_again_when_that_is_gone() {
    let mut lab = Lab::builder().build().unwrap();
    let one = Configuration::of(&lab);
    agent::start(&one, &mut lab);
    ip(&lab, "link add eth1 type veth peer name nowhere");
    ip(&lab, "link set eth1 up");
    let other = lab.balancer().run(|| Pass::attach("eth1")).unwrap().unwrap();
    let before = agent::reloads(agent::running(&lab), "error");
    lab.write_config(&one.clone().interfaces(&["eth0", "eth1"]).to_string()).unwrap();
    agent::wait_for_reload(agent::running(&lab), "error", before);
    let found = &status(&lab).0.findings[0];
    assert!(found.finding.contains("cannot attach to eth1: another XDP program is attached"), "{found}");
    // Of this no event tells.
    drop(other);
    agent::running(&lab).wait_until("the file in force", PATIENCE, |samples| shows(samples, true)).unwrap();
    assert!(has_program(&lab, "eth1"));
}

fn shows(samples: &Samples, in_force: bool) -> bool {
    (samples.sum("dsr_config_in_force", &[]) > 0.5) == in_force
}

#[test]
#[ignore = "needs root"]
fn an_interface_that_goes_is_told_once() {
    let mut lab = Lab::builder().build().unwrap();
    ip(&lab, "link add eth1 type veth peer name nowhere");
    ip(&lab, "link set eth1 up");
    ip(&lab, "addr add 10.98.0.1/24 dev eth1");
    agent::start(&Configuration::of(&lab).interfaces(&["eth0", "eth1"]), &mut lab);
    let gone = "the interface is gone";
    for times in 1..=5 {
        ip(&lab, "link del eth1");
        eventually("finding", || status(&lab).0.findings.iter().any(|found| found.finding == gone).then_some(()));
        // More changes of the network, each of which is followed.
        for address in 1..=3 {
            ip(&lab, &format!("addr add 10.99.0.{address}/32 dev lo"));
        }
        let neighbour = "neigh replace 10.77.0.77 lladdr 02:00:00:00:00:77 dev eth0";
        ip(&lab, neighbour);
        ip(&lab, "addr flush dev lo scope global");
        agent::wait_for_lines(agent::running(&lab), &[gone], times);
        let log = agent::running(&lab).log();
        assert_eq!((log.matches(gone).count(), log.matches("ERROR").count()), (times, 0), "{log}");
        ip(&lab, "link add eth1 type veth peer name nowhere");
        ip(&lab, "link set eth1 up");
        ip(&lab, "addr add 10.98.0.1/24 dev eth1");
        eventually("program", || has_program(&lab, "eth1").then_some(()));
    }
}

#[test]
#[ignore = "needs root"]
fn the_interface_to_the_backends_goes_without_an_error() {
    let mut lab = Lab::builder().build().unwrap();
    let check = "{tcp: {}, interval: 300ms, timeout: 300ms, rise: 1, fall: 1}";
    agent::start(&Configuration::of(&lab).health(check).top("arp_watch: {interval: 1s}"), &mut lab);
    ip(&lab, "link del eth0");
    let gone = |all: &Status| all.interfaces.iter().any(|interface| interface.mac.is_none());
    eventually("finding", || gone(&status(&lab).0).then_some(()));
    agent::wait_for_log(agent::running(&lab), &["is unreachable"]);
    agent::wait_for_log(agent::running(&lab), &["the interface is gone"]);
    let log = agent::running(&lab).log();
    assert_eq!((log.matches("the interface is gone").count(), log.matches("ERROR").count()), (1, 0), "{log}");
}

#[test]
#[ignore = "needs root"]
fn included_files_are_followed() {
    let mut lab = Lab::builder().build().unwrap();
    let whole = Configuration::of(&lab).top("include: conf.d/*.yaml");
    agent::start(&whole, &mut lab);
    let directory = lab.write_config(&whole.to_string()).unwrap().parent().unwrap().join("conf.d");
    fs::create_dir(&directory).unwrap();
    let file = directory.join("mail.yaml");
    let before = agent::reloads(agent::running(&lab), "ok");
    let mail = "pools:\n  mail: {backends: [{name: mail1, address: 10.77.1.1}]}\n\
                services:\n  - {name: smtp, vip: 10.77.0.10, port: 25, pool: mail}\n";
    fs::write(&file, mail).unwrap();
    agent::wait_for_reload(agent::running(&lab), "ok", before);
    assert!(status(&lab).0.services.iter().any(|service| service.name == "smtp"));

    let before = agent::reloads(agent::running(&lab), "error");
    fs::write(&file, mail.replace("port: 25", "port: 0")).unwrap();
    agent::wait_for_reload(agent::running(&lab), "error", before);
    let told = "/run/dsr/conf.d/mail.yaml:4:41: services[0].port: 0 is not a port";
    agent::wait_for_log(agent::running(&lab), &[told]);

    let before = agent::reloads(agent::running(&lab), "ok");
    fs::remove_file(&file).unwrap();
    agent::wait_for_reload(agent::running(&lab), "ok", before);
    assert_eq!(status(&lab).0.services.len(), 1);
}
