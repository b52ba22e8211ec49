//! A fallback serves only while no backend of the pool can.

use dsr_lab::{Lab, Node};
use dsr_tests::lab::{
    Configuration, agent,
    connections::{Connections, Servers},
    curl::request_many,
    dsr_program,
    process::{finish, ip},
};

use crate::seen::{HTTP, TCP, slots, wait, wait_up};

/// The first two backends in the pool, the third one its fallback.
fn configuration(lab: &Lab, check: &str) -> Configuration {
    let sorry = format!("sorry: {{backends: [{{name: sorry1, address: {}}}]}}", Node::Backend(3).address());
    Configuration::of(lab).without("web3").health(check).field("fallback: sorry").pool(&sorry)
}

fn wait_fallback(lab: &Lab, serves: bool) {
    wait(lab, &format!("fallback serves: {serves}"), |samples| {
        (samples.sum("dsr_service_on_fallback", &[("service", "www")]) > 0.0) == serves
            && (slots(samples, "sorry1") > 0.0) == serves
    });
}

fn take_vip(lab: &Lab, backend: u8) {
    ip(lab.backend(backend).unwrap(), &format!("address del {}/32 dev lo", lab.vip(0).unwrap()));
}

fn give_vip(lab: &Lab, backend: u8) {
    ip(lab.backend(backend).unwrap(), &format!("address add {}/32 dev lo", lab.vip(0).unwrap()));
}

fn only(lab: &Lab, names: &[&str]) {
    let answers = request_many(lab, REQUESTS);
    let bodies: Vec<&str> = answers.bodies.keys().map(String::as_str).collect();
    assert_eq!((answers.good, bodies.as_slice()), (REQUESTS.into(), names), "{answers:?}");
}

#[test]
#[ignore = "needs root"]
fn the_fallback_serves_while_nobody_else_can() {
    let mut lab = Lab::builder().build().unwrap();
    agent::start(&configuration(&lab, HTTP), &mut lab);
    wait_up(&lab, "web1");
    wait_up(&lab, "web2");
    wait_fallback(&lab, false);
    only(&lab, &["web1", "web2"]);

    take_vip(&lab, 1);
    wait(&lab, "web1 down", |samples| slots(samples, "web1") == 0.0);
    wait_fallback(&lab, false);
    only(&lab, &["web2"]);
    take_vip(&lab, 2);
    wait_fallback(&lab, true);
    only(&lab, &["web3"]);
    let status = finish(lab.agent_command(dsr_program()).unwrap().arg("status"));
    let said = String::from_utf8_lossy(&status.stdout).into_owned();
    for part in ["fallback sorry serves", "too few backends of web are up: the fallback sorry gets new connections"] {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }

    give_vip(&lab, 1);
    wait_fallback(&lab, false);
    only(&lab, &["web1"]);
    agent::wait_for_log(agent::running(&lab), &["new connections go to the fallback"]);
}

#[test]
#[ignore = "needs root"]
fn the_fallback_serves_while_the_others_are_drained() {
    let mut lab = Lab::builder().build().unwrap();
    // Health does not matter: no backend with a weight is left.
    agent::start(&configuration(&lab, "none"), &mut lab);
    wait_fallback(&lab, false);
    let say = |words: &str| {
        let mut command = lab.agent_command(dsr_program()).unwrap();
        let said = finish(command.args(words.split(' ')));
        assert!(said.status.success(), "{said:?}");
    };
    say("drain web1");
    say("drain web2");
    wait_fallback(&lab, true);
    only(&lab, &["web3"]);
    say("undrain web2");
    wait_fallback(&lab, false);
    only(&lab, &["web2"]);
}

#[test]
#[ignore = "needs root"]
fn connections_stay_with_the_fallback_when_the_others_are_back() {
    let mut lab = Lab::builder().without_http().build().unwrap();
    let _servers = Servers::start(&lab);
    agent::start(&configuration(&lab, TCP), &mut lab);
    wait_fallback(&lab, false);
    let first = Connections::open(&lab, CONNECTIONS);
    take_vip(&lab, 1);
    take_vip(&lab, 2);
    wait_fallback(&lab, true);
    let second = Connections::open(&lab, CONNECTIONS);
    assert_eq!(second.by_backend().into_iter().collect::<Vec<_>>(), [("web3".to_owned(), CONNECTIONS)]);
    give_vip(&lab, 1);
    give_vip(&lab, 2);
    wait_fallback(&lab, false);
    // Those of the backends that were down for a while too: their hosts were there.
    for connections in [&first, &second] {
        connections.go_on();
        assert!(connections.broken().is_empty(), "{:?}", connections.broken());
    }
}

const REQUESTS: u32 = 100;
const CONNECTIONS: usize = 100;
