//! `dsr check` beside a running agent: what a configuration would change.

use std::{fs, process::Output};

use dsr::api::view::{ChangeKind, Preview, ServiceChange};
use dsr_lab::Lab;
use dsr_tests::lab::{Configuration, agent, curl, dsr_program, process::finish};
use serde_json::Value;

use super::{complaint, dsr, said};

fn check(lab: &Lab, yaml: &str) -> Preview {
    fs::write(lab.directory().join("new.yaml"), yaml).unwrap();
    let (text, code) = said(&dsr(lab, "check --json -c /run/dsr/new.yaml"));
    assert_eq!(code, Some(0), "{text}");
    let report: Value = serde_json::from_str(&text).unwrap();
    serde_json::from_value(report["change"].clone()).unwrap()
}

fn near(value: f64, expected: f64) -> bool {
    (value - expected).abs() < 0.02
}

#[test]
#[ignore = "needs root"]
fn without_an_agent_a_check_says_so_and_works() {
    let lab = Lab::builder().backends(1).build().unwrap();
    lab.write_config(&Configuration::of(&lab).to_string()).unwrap();
    let output = dsr(&lab, "check -c /run/dsr/dsr.yaml");
    let (text, code) = said(&output);
    assert_eq!(code, Some(0), "{output:?}");
    assert!(text.starts_with("/run/dsr/dsr.yaml: good: 1 service on 1 VIP"), "{text}");
    assert!(
        complaint(&output)
            .contains("no agent answers at /run/dsr/api.sock: cannot compare with the running configuration")
    );
    let (text, _) = said(&dsr(&lab, "check --json -c /run/dsr/dsr.yaml"));
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["change"], Value::Null);
}

/// Checks what a file in the lab's directory holds, as standard input there.
fn check_input(lab: &Lab, input: &str) -> Output {
    let mut shell = lab.agent_command("/bin/sh").unwrap();
    let script = format!("cd /run/dsr && exec {} check -c - <{input}", dsr_program().display());
    finish(shell.args(["-c", &script]))
}

#[test]
#[ignore = "needs root"]
fn standard_input_is_checked_as_a_file_is() {
    let mut lab = Lab::builder().build().unwrap();
    let live = Configuration::of(&lab);
    agent::start(&live, &mut lab);
    let write = |name: &str, text: &str| fs::write(lab.directory().join(name), text).unwrap();
    let mail = "pools:\n  mail: {backends: [{name: mail1, address: 10.77.1.1}]}\n\
                services:\n  - {name: smtp, vip: 10.77.0.10, port: 25, pool: mail}\n";
    write("mail.yaml", mail);
    write("new.yaml", &live.clone().top("include: mail.yaml").to_string());
    let (text, code) = said(&check_input(&lab, "new.yaml"));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("standard input: good: 2 services on 1 VIP"), "{text}");
    assert!(text.contains("compared with the running agent's /run/dsr/dsr.yaml"), "{text}");

    write("new.yaml", &live.to_string().replace("weight: 100", "weight: 1001"));
    let output = check_input(&lab, "new.yaml");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let told = complaint(&output);
    assert!(told.contains("standard input:7:50: pools.web.backends[0].weight: 1001 is not a weight"), "{told}");

    let output = check_input(&lab, "/dev/zero");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(complaint(&output).contains("standard input: has more than 8 MiB"), "{}", complaint(&output));
}

#[test]
#[ignore = "needs root"]
fn a_check_tells_what_would_move_and_what_would_be_lost() {
    let mut lab = Lab::builder().build().unwrap();
    let live = Configuration::of(&lab);
    agent::start(&live, &mut lab);
    let one = |configuration: &Configuration| -> ServiceChange {
        let preview = check(&lab, &configuration.to_string());
        assert_eq!(preview.loads_anew, Vec::<String>::new());
        assert_eq!(preview.bytes_before, preview.bytes_after);
        preview.services[0].clone()
    };
    let same = one(&live);
    assert_eq!((same.kind, same.moved, same.lost, same.name.as_str()), (ChangeKind::Same, 0.0, 0.0, "www"));
    assert!(same.bytes_after > u64::from(same.slots_after) * 6);
    let drained = one(&live.clone().weight("web2", 0));
    assert_eq!((drained.kind, drained.lost), (ChangeKind::Changed, 0.0));
    assert!(near(drained.moved, 1.0 / 3.0), "{drained:?}");
    let removed = one(&live.clone().without("web2"));
    assert!(near(removed.moved, 1.0 / 3.0) && near(removed.lost, 1.0 / 3.0), "{removed:?}");
    let more = one(&live.clone().backend("web4", std::net::Ipv4Addr::new(10, 77, 1, 4), 100));
    assert!(near(more.moved, 0.25) && more.lost == 0.0, "{more:?}");

    // The preview is what happens: the shares of the slots that a reload then gives to others.
    assert_eq!(dsr(&lab, "drain web1").status.code(), Some(0));
    let undone = one(&live);
    assert_eq!((undone.kind, undone.moved), (ChangeKind::Same, 0.0), "the operator's word counts: {undone:?}");
    // Flows that are remembered while web1 drains.
    assert_eq!(curl::request_many(&lab, 30).good, 30);
    let remembered = one(&live);
    assert!(remembered.flows > 0 && remembered.flows_lost == 0, "{remembered:?}");
    let without = one(&live.clone().without("web3"));
    assert!(without.flows_lost > 0 && without.flows_lost < without.flows, "{without:?}");
}

#[test]
#[ignore = "needs root"]
fn a_check_tells_of_services_and_of_what_is_loaded_anew() {
    let mut lab = Lab::builder().build().unwrap();
    let live = Configuration::of(&lab).service(&lab, "names", "udp", 53);
    agent::start(&live, &mut lab);
    let other = Configuration::of(&lab).no_services().service(&lab, "www", "tcp", 80).service(&lab, "tls", "tcp", 443);
    let preview = check(&lab, &other.hash_seed(1).to_string());
    assert_eq!(preview.loads_anew, ["hash_seed changes: nearly every flow moves"]);
    let of = |name: &str| preview.services.iter().find(|service| service.name == name).unwrap();
    assert_eq!((of("tls").kind, of("tls").slots_before), (ChangeKind::Added, 0));
    assert_eq!((of("names").kind, of("names").lost, of("names").slots_after), (ChangeKind::Removed, 1.0, 0));
    assert!(near(of("www").moved, 2.0 / 3.0) && near(of("www").lost, 2.0 / 3.0), "{:?}", of("www"));
    let (text, code) = said(&dsr(&lab, "check -c /run/dsr/new.yaml"));
    assert_eq!(code, Some(0), "{text}");
    for part in ["compared with the running agent's /run/dsr/dsr.yaml:", "removed", "added", "hash_seed changes"] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }

    // Enough backends for a larger table, and flow tables of another size.
    let many = (1..=40)
        .fold(live.clone(), |all, n| all.backend(&format!("more{n}"), std::net::Ipv4Addr::new(10, 77, 9, n), 100));
    let preview = check(&lab, &format!("flow_table: {{established: 2097152}}\n{many}"));
    let www = &preview.services[0];
    assert!(www.slots_after > www.slots_before && www.bytes_after > www.bytes_before, "{www:?}");
    assert!(www.moved > 0.9 && www.lost == 0.0, "{www:?}");
    let names = preview.services.iter().find(|service| service.name == "names").unwrap();
    assert!(near(names.lost, names.moved), "nothing is remembered of UDP: {names:?}");
    assert_eq!(preview.loads_anew, ["flow_table changes size"]);
    assert!(preview.bytes_after > preview.bytes_before, "{preview:?}");

    // A bad file is an error as without an agent.
    fs::write(lab.directory().join("new.yaml"), "interfaces: []\n").unwrap();
    assert_eq!(dsr(&lab, "check -c /run/dsr/new.yaml").status.code(), Some(2));
}
