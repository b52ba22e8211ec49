//! `dsr reload` against what the file is.

use std::{fs, net::TcpListener};

use dsr::api::view::{ReloadAnswer, ReloadOutcome};
use dsr_lab::Lab;
use dsr_tests::lab::{Configuration, agent, eventually};

use super::{complaint, dsr, said};

fn reload(lab: &Lab) -> (ReloadAnswer, Option<i32>) {
    let (text, code) = said(&dsr(lab, "reload --json"));
    (serde_json::from_str(&text).unwrap(), code)
}

#[test]
#[ignore = "needs root"]
fn a_reload_waits_and_says_what_came_of_it() {
    let mut lab = Lab::builder().build().unwrap();
    let configuration = Configuration::of(&lab).top("watch: off");
    agent::start(&configuration, &mut lab);
    let (same, code) = reload(&lab);
    assert_eq!((same.outcome, same.file.as_str(), code), (ReloadOutcome::Unchanged, "/run/dsr/dsr.yaml", Some(0)));

    // The change is noticed, and waits.
    lab.write_config(&configuration.clone().weight("web1", 0).to_string()).unwrap();
    let waits = "the file changed and is not in force: `watch` is off";
    eventually("finding", || said(&dsr(&lab, "status")).0.contains(waits).then_some(()));
    assert_eq!(agent::count(&lab, "dsr_config_in_force", &[]), 0);
    assert!(agent::count(&lab, "dsr_member_slots", &[("backend", "web1")]) > 0);
    lab.write_config(&configuration.to_string()).unwrap();
    eventually("status without a finding", || (dsr(&lab, "status").status.code() == Some(0)).then_some(()));
    lab.write_config(&configuration.clone().weight("web1", 0).to_string()).unwrap();
    let (answer, code) = reload(&lab);
    assert_eq!((answer.outcome, answer.errors.len(), code), (ReloadOutcome::Reloaded, 0, Some(0)));
    assert_ne!(answer.config_hash, same.config_hash);
    assert_eq!(agent::count(&lab, "dsr_member_slots", &[("backend", "web1")]), 0);

    lab.write_config(&configuration.to_string().replace("weight: 100", "weight: 1001")).unwrap();
    let (bad, code) = reload(&lab);
    assert_eq!((bad.outcome, bad.config_hash, code), (ReloadOutcome::Wrong, answer.config_hash, Some(2)));
    let fields: Vec<_> = bad.errors.iter().map(|error| (error.line, error.field.as_str())).collect();
    assert_eq!(fields.len(), 3, "{bad:?}");
    assert!(fields.iter().all(|(line, field)| *line > 1 && field.ends_with(".weight")), "{bad:?}");
    let output = dsr(&lab, "reload");
    assert_eq!(complaint(&output).lines().count(), 3, "{output:?}");
    assert!(said(&output).0.contains("not reloaded, it has errors"), "{output:?}");
}

#[test]
#[ignore = "needs root"]
fn a_reload_that_cannot_be_done_is_told_from_one_that_is_wrong() {
    let mut lab = Lab::builder().build().unwrap();
    let configuration = Configuration::of(&lab).top("watch: off");
    agent::start(&configuration, &mut lab);
    let taken = lab.balancer().run(|| TcpListener::bind("127.0.0.1:9651")).unwrap().unwrap();
    lab.write_config(&configuration.clone().metrics(Some("127.0.0.1:9651")).to_string()).unwrap();
    let (answer, code) = reload(&lab);
    assert_eq!((answer.outcome, code), (ReloadOutcome::Failed, Some(1)));
    assert!(answer.errors[0].message.contains("127.0.0.1:9651 is in use"), "{answer:?}");
    drop(taken);
    assert_eq!(reload(&lab).1, Some(0));

    // The answer still comes where the socket itself moves.
    lab.write_config(&configuration.clone().top("api: /run/dsr/other.sock").to_string()).unwrap();
    assert_eq!(reload(&lab), (ReloadAnswer { outcome: ReloadOutcome::Reloaded, ..reload_at(&lab) }, Some(0)));
    assert_eq!(dsr(&lab, "reload").status.code(), Some(2), "no agent answers there any more");
}

/// The same question at the other socket, where nothing has changed since.
fn reload_at(lab: &Lab) -> ReloadAnswer {
    eventually("other socket", || {
        let (text, code) = said(&dsr(lab, "reload --json --socket /run/dsr/other.sock"));
        (code == Some(0)).then(|| serde_json::from_str(&text).unwrap())
    })
}

#[test]
#[ignore = "needs root"]
fn a_part_of_a_file_is_not_taken() {
    let mut lab = Lab::builder().build().unwrap();
    let configuration = Configuration::of(&lab);
    agent::start(&configuration, &mut lab);
    let path = lab.write_config(&configuration.to_string()).unwrap();
    let before = agent::reloads(agent::running(&lab), "ok");
    let whole = configuration.clone().weight("web2", 50).to_string();
    let mut writer = fs::File::create(&path).unwrap();
    std::io::Write::write_all(&mut writer, &whole.as_bytes()[..whole.len() / 2]).unwrap();
    // The writer stalls for as long as it takes to put another thing into force.
    assert_eq!(dsr(&lab, "drain web3").status.code(), Some(0));
    eventually("drain", || (agent::count(&lab, "dsr_member_slots", &[("backend", "web3")]) == 0).then_some(()));
    std::io::Write::write_all(&mut writer, &whole.as_bytes()[whole.len() / 2..]).unwrap();
    drop(writer);
    agent::wait_for_reload(agent::running(&lab), "ok", before);
    assert_eq!(agent::reloads(agent::running(&lab), "error").round() as u64, 0);
}
