//! The metrics' address is changed by the file.

use std::{net::TcpListener, time::Duration};

use dsr_lab::{self as lab, Lab};
use dsr_tests::lab::{Configuration, agent, eventually};

/// Whether metrics are served there.
fn served(lab: &Lab, port: u16) -> bool {
    let address = ([127, 0, 0, 1], port).into();
    let answer = lab.balancer().block_on(|| lab::get(address, "/metrics", TIMEOUT)).unwrap();
    answer.is_ok_and(|answer| answer.body.starts_with(b"# HELP dsr_"))
}

fn eventually_at(lab: &Lab, there: u16, not_there: &[u16]) {
    eventually("metrics at the new address only", || {
        (served(lab, there) && !not_there.iter().any(|&port| served(lab, port))).then_some(())
    });
}

#[test]
#[ignore = "needs root"]
fn metrics_move_with_the_file() {
    let mut lab = Lab::builder().backends(1).build().unwrap();
    let start = Configuration::of(&lab);
    agent::start(&start, &mut lab);
    let write = |address| lab.write_config(&start.clone().metrics(address).to_string()).unwrap();
    write(Some("127.0.0.1:9651"));
    eventually_at(&lab, 9651, &[9650]);
    write(Some("0.0.0.0:9652"));
    eventually_at(&lab, 9652, &[9650, 9651]);
    write(None);
    eventually("silence", || (!served(&lab, 9652)).then_some(()));
    write(Some("127.0.0.1:9650"));
    eventually_at(&lab, 9650, &[9652]);
}

#[test]
#[ignore = "needs root"]
fn the_same_port_of_another_address_is_free() {
    let mut lab = Lab::builder().backends(1).build().unwrap();
    let start = Configuration::of(&lab);
    agent::start(&start, &mut lab);
    let all = start.clone().metrics(Some("0.0.0.0:9650"));
    for configuration in [&all, &start, &all] {
        agent::reload(configuration, &lab);
    }
}

#[test]
#[ignore = "needs root"]
fn an_address_in_use_changes_nothing() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let start = Configuration::of(&lab);
    agent::start(&start, &mut lab);
    let _taken = lab.balancer().run(|| TcpListener::bind("127.0.0.2:9650")).unwrap().unwrap();
    for address in ["127.0.0.2:9650", "0.0.0.0:9650", "192.0.2.1:9650"] {
        let before = agent::reloads(agent::running(&lab), "error");
        let bad = start.clone().metrics(Some(address)).without("web2");
        lab.write_config(&bad.to_string()).unwrap();
        agent::wait_for_reload(agent::running(&lab), "error", before);
        agent::wait_for_slots(agent::running(&lab), &start);
    }
    agent::reload(&start.without("web2"), &lab);
}

const TIMEOUT: Duration = Duration::from_secs(2);
