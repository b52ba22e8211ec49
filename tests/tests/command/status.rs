//! `dsr status` against what the lab is and what was sent through it.

use dsr::api::view::{MemberState, Status};
use dsr_lab::{Broken, Fault, Lab, net::LinkState};
use dsr_tests::lab::{Configuration, agent, curl, eventually, process::finish};

use super::{dsr, said};

fn status(lab: &Lab) -> (Status, Option<i32>) {
    let (text, code) = said(&dsr(lab, "status --json"));
    (serde_json::from_str(&text).unwrap(), code)
}

#[test]
#[ignore = "needs root"]
fn status_shows_services_members_and_what_they_were_sent() {
    let mut lab = Lab::builder().build().unwrap();
    let configuration = Configuration::of(&lab).weight("web2", 50);
    agent::start(&configuration, &mut lab);
    let answers = curl::request_many(&lab, 60);
    let (all, code) = status(&lab);
    assert_eq!((code, all.findings.as_slice()), (Some(0), &[][..]));
    assert_eq!((all.version.as_str(), all.config.as_str()), (env!("CARGO_PKG_VERSION"), "/run/dsr/dsr.yaml"));
    assert_eq!((all.interfaces.len(), all.interfaces[0].mode.as_deref()), (1, Some("native")));
    let service = &all.services[0];
    assert_eq!((service.name.as_str(), service.address.as_str()), ("www", "10.77.0.10:80/tcp"));
    // Slots have changed since the start where backends were found one after the other.
    assert!(service.tracked_slots < service.slots, "{service:?}");
    assert_eq!(service.members.iter().map(|member| member.slots).sum::<u32>(), service.slots);
    for (member, weight) in service.members.iter().zip([100, 50, 100]) {
        let opened = answers.bodies.get(&member.backend).copied().unwrap_or(0);
        assert_eq!((member.state, member.weight, member.new_flows), (MemberState::Up, weight, opened), "{member:?}");
        assert!((member.share - f64::from(weight) / 250.0).abs() < 0.01, "{member:?}");
        assert!(member.packets > member.new_flows && member.bytes > 40 * member.packets, "{member:?}");
    }

    let (text, code) = said(&dsr(&lab, "status"));
    assert_eq!(code, Some(0), "{text}");
    let row = text.lines().find(|line| line.trim_start().starts_with("web2")).unwrap();
    let cells: Vec<&str> = row.split_whitespace().collect();
    let web2 = &service.members[1];
    let expected = ["web2", "10.77.1.2", "up", "50", &web2.slots.to_string(), "20.0%", &web2.packets.to_string()];
    assert_eq!(cells[..5], expected[..5], "{text}");
    assert_eq!(cells[6], expected[6], "{text}");
}

#[test]
#[ignore = "needs root"]
fn status_tells_of_pins_that_were_removed() {
    let mut lab = Lab::builder().build().unwrap();
    agent::start(&Configuration::of(&lab), &mut lab);
    assert_eq!(status(&lab).1, Some(0));
    // What is in the way belongs to others: the agent cannot pin anything there.
    // It may pin again between the two commands.
    let replaced = "until rm -r /sys/fs/bpf/dsr; mkdir /sys/fs/bpf/dsr; do :; done";
    let replaced = finish(lab.agent_command("/bin/sh").unwrap().args(["-c", replaced]));
    assert!(replaced.status.success(), "{replaced:?}");
    let (all, code) = status(&lab);
    let [finding] = all.findings.as_slice() else { panic!("{:#?}", all.findings) };
    assert_eq!(finding.object, "/sys/fs/bpf/dsr");
    assert!(finding.finding.contains("it was removed") && finding.remedy.contains("remove that one"), "{finding}");
    assert_eq!((code, curl::request_many(&lab, 20).good), (Some(1), 20), "traffic goes on");
    let removed = finish(lab.agent_command("/bin/rmdir").unwrap().arg("/sys/fs/bpf/dsr"));
    assert!(removed.status.success(), "{removed:?}");
    eventually("status without a finding", || (status(&lab).1 == Some(0)).then_some(()));
    agent::wait_for_log(agent::running(&lab), &["pinned again"]);
}

#[test]
#[ignore = "needs root"]
fn status_names_the_causes_that_checks_find() {
    let mut lab = Lab::builder().build().unwrap();
    let check = "{http: {path: /}, interval: 300ms, timeout: 300ms, rise: 2, fall: 2}";
    agent::start(&Configuration::of(&lab).health(check).top("arp_watch: {interval: 1s}"), &mut lab);
    for (backend, fault) in [(1, Fault::Vip), (2, Fault::Arp)] {
        lab.break_backend(Broken { backend, fault }).unwrap();
    }
    let both = || Some(status(&lab)).filter(|(all, _)| all.findings.len() == 2);
    let (all, code) = eventually("both findings", both);
    let found: Vec<_> = all.services[0].members.iter().map(|member| (member.state, member.cause.as_deref())).collect();
    // One that leaks passes its check all the same.
    let expected =
        [(MemberState::Down, Some("vip-missing")), (MemberState::Up, Some("arp-leak")), (MemberState::Up, None)];
    assert_eq!((found.as_slice(), code), (&expected[..], Some(1)));
    let [missing, leak] = all.findings.as_slice() else { panic!("{all:?}") };
    assert!(missing.finding.starts_with("backend web1 is down: vip-missing: "), "{missing}");
    assert!(leak.finding.starts_with("backend web2: arp-leak: it claims 10.77.0.10"), "{leak}");
    assert!([missing, leak].iter().all(|finding| finding.object == "www" && finding.remedy.contains("dsr doctor")));
    assert_eq!(agent::count(&lab, "dsr_backend_state", &[("backend", "web2"), ("cause", "arp-leak")]), 1);
}

#[test]
#[ignore = "needs root"]
fn status_says_what_is_wrong_and_why() {
    let mut lab = Lab::builder().build().unwrap();
    agent::start(&Configuration::of(&lab).weight("web1", 0), &mut lab);
    lab.set_backend(3, LinkState::Down).unwrap();
    let unreachable = || Some(status(&lab)).filter(|(_, code)| *code == Some(1));
    let (all, _) = eventually("backend that cannot be reached", unreachable);
    let states: Vec<_> = all.services[0].members.iter().map(|member| member.state).collect();
    assert!(matches!(
        states[..],
        [MemberState::Draining | MemberState::Drained, MemberState::Up, MemberState::Unreachable]
    ));
    let findings: Vec<_> = all.findings.iter().map(|finding| (&*finding.object, &*finding.finding)).collect();
    assert_eq!(findings, [("www", "backend web3 unreachable: no ARP reply from 10.77.1.3")]);
    let (text, code) = said(&dsr(&lab, "status"));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("wrong: www: backend web3 unreachable"), "{text}");
    lab.set_backend(3, LinkState::Up).unwrap();
    eventually("status without a finding", || (status(&lab).1 == Some(0)).then_some(()));
}
