//! `dsr drain`, `undrain` and `weight`: an operator's word counts over reloads, until it is taken back.

use dsr::api::view::{MemberState, MemberStatus, Status};
use dsr_lab::Lab;
use dsr_tests::lab::{Configuration, agent, curl, eventually};

use super::{complaint, dsr, said};

/// The service `www`, whose flows are forgotten after a second.
fn configuration(lab: &Lab) -> Configuration {
    let fields = format!("name: www, vip: {}, port: 80, flow_timeout: 1s", lab.service().ip());
    Configuration::of(lab).no_services().line(&fields)
}

fn member(lab: &Lab, name: &str) -> MemberStatus {
    let (text, _) = said(&dsr(lab, "status --json"));
    let status: Status = serde_json::from_str(&text).unwrap();
    let www = status.services.iter().find(|service| service.name == "www").unwrap();
    www.members.iter().find(|member| member.backend == name).unwrap().clone()
}

fn works(lab: &Lab, arguments: &str) -> String {
    let output = dsr(lab, arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments}: {output:?}");
    said(&output).0
}

#[test]
#[ignore = "needs root"]
fn a_drained_backend_gets_nothing_new_until_it_is_taken_back() {
    let mut lab = Lab::builder().build().unwrap();
    let configuration = configuration(&lab);
    agent::start(&configuration, &mut lab);
    assert!(curl::request_many(&lab, 30).bodies.contains_key("web2"));

    let text = works(&lab, "drain web2");
    assert!(text.starts_with("web2 of pool web: no new flows") && text.contains("`dsr undrain web2"), "{text}");
    let web2 = member(&lab, "web2");
    assert_eq!((web2.slots, web2.weight, web2.weight_in_file), (0, 0, Some(100)));
    assert!(!curl::request_many(&lab, 30).bodies.contains_key("web2"));
    eventually("drained backend", || (member(&lab, "web2").state == MemberState::Drained).then_some(()));
    let (text, code) = said(&dsr(&lab, "status"));
    assert!(code == Some(0) && text.contains("0 (file 100)"), "{text}");

    // Over a reload, which has another weight for another backend.
    let before = agent::reloads(agent::running(&lab), "ok");
    lab.write_config(&configuration.clone().weight("web1", 50).to_string()).unwrap();
    agent::wait_for_reload(agent::running(&lab), "ok", before);
    assert_eq!((member(&lab, "web1").weight, member(&lab, "web2").slots), (50, 0));

    let text = works(&lab, "undrain web2 --pool web");
    assert_eq!(text, "web2 of pool web: weight 100, as configured\n");
    let web2 = member(&lab, "web2");
    assert_eq!((web2.state, web2.weight, web2.weight_in_file), (MemberState::Up, 100, None));
    assert!(web2.slots > 0 && curl::request_many(&lab, 60).bodies.contains_key("web2"));
}

#[test]
#[ignore = "needs root"]
fn a_weight_counts_in_place_of_the_files() {
    let mut lab = Lab::builder().build().unwrap();
    agent::start(&configuration(&lab), &mut lab);
    let text = works(&lab, "weight web3 50");
    assert!(text.starts_with("web3 of pool web: weight 50, configured 100;"), "{text}");
    assert!((member(&lab, "web3").share - 0.2).abs() < 0.01, "{:?}", member(&lab, "web3"));
    let json: serde_json::Value = serde_json::from_str(&works(&lab, "weight web3 0 --json")).unwrap();
    assert_eq!((json["weight"].as_u64(), json["weight_in_file"].as_u64()), (Some(0), Some(100)));
    assert_eq!(member(&lab, "web3").slots, 0);
    works(&lab, "undrain web3");
    assert!((member(&lab, "web3").share - 1.0 / 3.0).abs() < 0.01);
}

#[test]
#[ignore = "needs root"]
fn what_cannot_be_said_is_refused_with_what_can() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let configuration = configuration(&lab).to_string();
    // web1 is in two pools.
    let other = "  other:\n    backends: [{name: web1, address: 10.77.1.1}]\nservices:\n  \
                 - {name: more, vip: 10.77.0.10, port: 81, pool: other}\n";
    lab.write_config(&configuration.replace("services:\n", other)).unwrap();
    lab.start_agent(dsr_tests::lab::dsr_program()).unwrap();
    lab.wait_ready().unwrap();
    let cases = [
        ("drain web9", "no service has a backend web9: name one of web1, web2"),
        ("drain web2 --pool other", "the pool other has no backend web2"),
        ("drain web1", "web1 is a backend of several pools: name one with --pool: other, web"),
        ("weight web2 1001", "1001 is not a weight: give one from 0 to 1000"),
        ("weight web2 -1", "unexpected argument"),
        ("weight web2 half", "invalid value 'half'"),
    ];
    for (arguments, expected) in cases {
        let output = dsr(&lab, arguments);
        assert_eq!(said(&output), (String::new(), Some(2)), "{arguments}");
        assert!(complaint(&output).contains(expected), "{arguments}: {}", complaint(&output));
    }
    assert_eq!(member(&lab, "web1").weight_in_file, None);
    works(&lab, "drain web1 --pool other");
    assert_eq!(member(&lab, "web1").weight, 100, "the other pool's web1 is another one");
}
