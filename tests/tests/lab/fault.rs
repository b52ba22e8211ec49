//! `dsr lab --break`: what is broken on purpose is shown, and so is what comes of it.

use std::process::{Command, Output};

use dsr_common::forward::ForwardMode;
use dsr_tests::lab::dsr_program;
use serde_json::{Value, json};

fn lab(arguments: &str) -> Output {
    Command::new(dsr_program()).arg("lab").args(arguments.split(' ')).output().unwrap()
}

fn summary(output: &Output) -> (Value, String) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let summary = serde_json::from_slice(&output.stdout);
    (summary.unwrap_or_else(|error| panic!("{error}: {output:?}")), said)
}

#[test]
#[ignore = "needs root"]
fn a_backend_that_answers_arp_is_shown() {
    let (summary, said) = summary(&lab("--json --duration 4s --break web2=arp"));
    assert_eq!(summary["broken"], json!(["web2=arp"]));
    assert!(summary["claims"]["web2"].as_u64() > Some(0), "{summary}");
    for part in
        ["web2 answers ARP for the VIP", "agent: ", "the backend web2 claims the VIP", "arp_ignore=1", "[web2=arp]"]
    {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
}

#[test]
#[ignore = "needs root"]
fn other_faults_do_what_they_say() {
    let (summary, said) =
        summary(&lab("--json --duration 12s --backends 4 --break web2=forward --break web3=app --break web4=vip"));
    assert_eq!(summary["broken"], json!(["web2=forward", "web3=app", "web4=vip"]));
    assert!(summary["reasons"]["drop_loop"].as_u64() > Some(0), "{summary}");
    assert!(summary["failed"].as_u64() > Some(0), "{summary}");
    let answered = |index: usize| summary["backends"][index]["requests"].as_u64();
    assert!(answered(0) > Some(0), "{summary}");
    assert_eq!([answered(1), answered(2), answered(3)], [Some(0); 3], "{summary}");
    assert!(said.contains("web3 runs no server") && said.contains("forwards the VIP's packets back"), "{said}");
    assert_eq!(summary["claims"], json!({}));
}

#[test]
#[ignore = "needs root"]
fn a_backend_that_is_gone_loses_its_share() {
    let (summary, said) = summary(&lab("--json --duration 3s --backends 2 --break web1=host"));
    assert_eq!(summary["backends"][0]["requests"], 0, "{summary}");
    assert!(said.contains("web1 is gone: its cable is pulled"), "{said}");
}

#[test]
#[ignore = "needs root"]
fn the_doctor_says_what_is_broken() {
    let (summary, said) =
        summary(&lab("--json --duration 15s --rate 50 --backends 3 --break web2=vlan --break web3=firewall"));
    assert_eq!(summary["broken"], json!(["web2=vlan", "web3=firewall"]));
    let answered = |index: usize| summary["backends"][index]["requests"].as_u64();
    assert!(answered(0) > Some(0), "{summary}");
    assert_eq!([answered(1), answered(2)], [Some(0); 2], "{summary}");
    for part in [
        "web2 is in another VLAN",
        "web3 drops what comes for the service's port",
        "doctor: error: web2: wrong-vlan: ",
        "doctor: error: web3: firewall: ",
    ] {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
    assert_eq!(said.matches("doctor: ").count(), 2, "{said}");
    // The backends' answers to the doctor pass no other host.
    assert_eq!(summary["balancer"]["replies_seen"], 0, "{summary}");
}

#[test]
#[ignore = "needs root"]
fn the_doctor_says_what_is_wrong_with_a_tunnel() {
    let faults = "--break web2=decap --break web3=refused --break web4=mtu";
    let (summary, said) =
        summary(&lab(&format!("--json --duration 18s --rate 50 --backends 4 --forward ipip {faults}")));
    let answered = |index: usize| summary["backends"][index]["requests"].as_u64();
    assert!(
        answered(0) > Some(0) && answered(3) > Some(0),
        "small requests are answered through a small MTU: {summary}"
    );
    assert_eq!([answered(1), answered(2)], [Some(0); 2], "{summary}");
    for part in [
        "doctor: error: web2: no-decap: ",
        "doctor: error: web3: tunnel-refused: ",
        "doctor: error: web4: mtu: ",
        "cause=no-decap",
        "cause=tunnel-refused",
        "cause=mtu",
    ] {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
    assert_eq!(said.matches("doctor: ").count(), 3, "{said}");
}

#[test]
#[ignore = "needs root"]
fn every_forward_mode_answers_every_request() {
    for mode in ForwardMode::ALL.map(ForwardMode::name) {
        let (summary, said) = summary(&lab(&format!("--json --duration 3s --forward {mode}")));
        assert_eq!(summary["forward"], mode);
        assert_eq!(
            (&summary["failed"], &summary["balancer"]["replies_seen"]),
            (&json!(0), &json!(0)),
            "{summary} {said}"
        );
        let backends = summary["backends"].as_array().unwrap();
        assert!(backends.iter().all(|backend| backend["requests"].as_u64() > Some(0)), "{summary}");
    }
}

#[test]
fn wrong_faults_are_refused() {
    for (arguments, said) in [
        ("--break web2", "like web2=arp"),
        (
            "--break web2=fire",
            "\"fire\" is not a fault: write one of arp, vip, app, host, forward, firewall, mac, vlan",
        ),
        ("--break db=arp", "is not a backend of the lab"),
        ("--break web2=decap", "forward mode l2 cannot have the fault decap: there is no tunnel"),
        ("--forward gue --break web2=arp", "forward mode gue cannot have the fault arp"),
        ("--forward nat", "write one of l2, dscp, ipip, gre, gue"),
        ("--break web4=arp", "this lab has no web4: name one of web1 to web3, or add --backends"),
    ] {
        let output = lab(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {output:?}");
        assert!(error.contains(said), "{arguments}: {error}");
    }
}
