//! Each fault is made on purpose, named, and noticed to be fixed.

use dsr_lab::{Broken, Fault, Lab, net::LinkState};
use dsr_tests::lab::{Configuration, agent, curl::request_many, nginx, process::ip};

use crate::seen::{HTTP, TCP, wait_cause, wait_down, wait_probes, wait_up};

#[test]
#[ignore = "needs root"]
fn a_vip_that_is_not_held_is_missing() {
    let mut lab = Lab::builder().without_http().build().unwrap();
    let _nginx = nginx::start_all(&lab);
    agent::start(&Configuration::of(&lab).health(HTTP), &mut lab);
    wait_up(&lab, "web2");

    let vip = format!("{}/32", lab.vip(0).unwrap());
    ip(lab.backend(2).unwrap(), &format!("address del {vip} dev lo"));
    wait_down(&lab, "web2", "vip-missing");
    let answers = request_many(&lab, REQUESTS);
    assert_eq!((answers.good, answers.bodies.get("web2")), (u64::from(REQUESTS), None), "{answers:?}");
    agent::wait_for_log(agent::running(&lab), &["cause=vip-missing"]);

    ip(lab.backend(2).unwrap(), &format!("address add {vip} dev lo"));
    wait_up(&lab, "web2");
    assert!(request_many(&lab, REQUESTS).bodies["web2"] > 0);
}

#[test]
#[ignore = "needs root"]
fn a_backend_that_forwards_the_vip_does_not_pass() {
    let mut lab = Lab::builder().build().unwrap();
    agent::start(&Configuration::of(&lab).health(HTTP), &mut lab);
    wait_up(&lab, "web2");
    lab.break_backend(Broken { backend: 2, fault: Fault::Forward }).unwrap();
    // Others would answer in its place.
    wait_down(&lab, "web2", "vip-missing");
    wait_probes(&lab, &["web2"], 20.0);
    wait_down(&lab, "web2", "vip-missing");
    wait_up(&lab, "web1");
}

#[test]
#[ignore = "needs root"]
fn an_application_that_stops_is_down() {
    let mut lab = Lab::builder().without_http().build().unwrap();
    let mut nginx = nginx::start_all(&lab);
    agent::start(&Configuration::of(&lab).health(TCP), &mut lab);
    wait_up(&lab, "web3");

    drop(nginx.pop());
    wait_down(&lab, "web3", "application-down");
    assert_eq!(request_many(&lab, REQUESTS).good, u64::from(REQUESTS));
    nginx.push(nginx::start_again(&lab, 3));
    wait_up(&lab, "web3");
}

#[test]
#[ignore = "needs root"]
fn a_host_that_is_gone_is_down() {
    let mut lab = Lab::builder().build().unwrap();
    agent::start(&Configuration::of(&lab).health(HTTP), &mut lab);
    wait_up(&lab, "web1");
    lab.set_backend(1, LinkState::Down).unwrap();
    wait_down(&lab, "web1", "host-down");
    assert_eq!(request_many(&lab, REQUESTS).good, u64::from(REQUESTS));
    lab.set_backend(1, LinkState::Up).unwrap();
    wait_up(&lab, "web1");
}

#[test]
#[ignore = "needs root"]
fn a_host_that_never_was_has_no_neighbour() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let configuration = Configuration::of(&lab).backend("ghost", [10, 77, 99, 99], 100).health(HTTP);
    lab.write_config(&configuration.to_string()).unwrap();
    lab.start_agent(dsr_tests::lab::dsr_program()).unwrap();
    wait_down(&lab, "ghost", "no-neighbour");
    wait_up(&lab, "web1");
}

#[test]
#[ignore = "needs root"]
fn an_answer_that_is_dropped_on_its_way_is_lost() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    agent::start(&Configuration::of(&lab).health(HTTP), &mut lab);
    wait_up(&lab, "web2");
    // A route of its own for what comes from the VIP, to nowhere: only for TCP, so that an echo comes back.
    let backend = lab.backend(2).unwrap();
    ip(backend, "route add blackhole default table 99");
    ip(backend, &format!("rule add from {} ipproto tcp sport 80 lookup 99 pref 10", lab.vip(0).unwrap()));
    wait_cause(&lab, "web2", "reply-lost");
    ip(backend, "rule del pref 10");
    wait_up(&lab, "web2");
}

#[test]
#[ignore = "needs root"]
fn ipv6_is_checked_as_ipv4_is() {
    let mut lab = Lab::builder().with_ipv6().build().unwrap();
    let vip = lab.vip6(0).unwrap();
    let www6 = format!("name: www6, vip: \"{vip}\", port: 80");
    agent::start(&Configuration::of(&lab).no_services().by_ipv6().line(&www6).health(HTTP), &mut lab);
    wait_up(&lab, "web1");
    wait_up(&lab, "web2");
    ip(lab.backend(2).unwrap(), &format!("address del {vip}/128 dev lo"));
    wait_down(&lab, "web2", "vip-missing");
    ip(lab.backend(2).unwrap(), &format!("address add {vip}/128 dev lo nodad"));
    wait_up(&lab, "web2");
    lab.set_backend(1, LinkState::Down).unwrap();
    wait_down(&lab, "web1", "host-down");
}

#[test]
#[ignore = "needs root"]
fn families_of_vip_and_backend_may_differ() {
    let mut lab = Lab::builder().with_ipv6().backends(2).build().unwrap();
    let www6 = format!("name: www6, vip: \"{}\", port: 80", lab.vip6(0).unwrap());
    agent::start(&Configuration::of(&lab).line(&www6).health(TCP), &mut lab);
    wait_up(&lab, "web1");
    wait_up(&lab, "web2");
}

const REQUESTS: u32 = 200;
