//! The file is edited while traffic runs. The agent learns of it by the file alone.

use dsr_lab::Lab;
use dsr_tests::lab::{
    agent,
    datagram::NameServers,
    eventually,
    frames::Arrivals,
    traffic::{Traffic, services},
};
use rustix::process::Signal;

#[test]
#[ignore = "needs root"]
fn a_backend_that_is_added_costs_no_request() {
    let mut lab = Lab::builder().build().unwrap();
    let _servers = NameServers::start(&lab);
    let all = services(&lab);
    agent::start(&all.clone().without("web3"), &mut lab);
    let traffic = Traffic::start(&lab);
    traffic.goes_on();
    agent::reload(&all, &lab);
    traffic.reaches(3);
    traffic.goes_on();
    traffic.stop(0);
}

#[test]
#[ignore = "needs root"]
fn a_backend_that_is_weighted_anew_costs_no_request() {
    let mut lab = Lab::builder().build().unwrap();
    let _servers = NameServers::start(&lab);
    let all = services(&lab);
    agent::start(&all, &mut lab);
    let traffic = Traffic::start(&lab);
    traffic.goes_on();
    agent::reload(&all.clone().weight("web1", 1000).weight("web2", 10), &lab);
    traffic.goes_on();
    agent::reload(&all.clone().weight("web3", 0), &lab);
    traffic.goes_on();
    traffic.stop(0);

    // What begins now, ends as it begins.
    let arrivals = Arrivals::watch(&lab, 3);
    let traffic = Traffic::start(&lab);
    traffic.reaches(1);
    traffic.reaches(2);
    let (tcp, udp) = traffic.stop(0);
    assert_eq!((tcp.answered()[2], udp.by.get("web3"), arrivals.take()), (0, None, 0));
}

#[test]
#[ignore = "needs root"]
fn a_backend_that_is_removed_gets_nothing() {
    let mut lab = Lab::builder().build().unwrap();
    let _servers = NameServers::start(&lab);
    let all = services(&lab);
    agent::start(&all, &mut lab);
    let traffic = Traffic::start(&lab);
    traffic.reaches(3);
    agent::reload(&all.clone().without("web3"), &lab);
    traffic.goes_on();
    traffic.stop(1);

    let arrivals = Arrivals::watch(&lab, 3);
    let others = [1, 2].map(|number| Arrivals::watch(&lab, number));
    let traffic = Traffic::start(&lab);
    traffic.goes_on();
    let (tcp, udp) = traffic.stop(0);
    assert_eq!((tcp.answered()[2], udp.by.get("web3"), arrivals.take()), (0, None, 0));
    assert!(others.iter().all(|arrivals| arrivals.take() > 0), "else nothing would be seen of web3 either");

    agent::reload(&all, &lab);
    eventually("frame to the backend that is back", || {
        let traffic = Traffic::start(&lab);
        traffic.goes_on();
        traffic.stop(0);
        (arrivals.take() > 0).then_some(())
    });
}

#[test]
#[ignore = "needs root"]
fn a_service_that_is_added_and_removed_costs_the_others_nothing() {
    let mut lab = Lab::builder().build().unwrap();
    let _servers = NameServers::start(&lab);
    let all = services(&lab);
    agent::start(&all, &mut lab);
    let traffic = Traffic::start(&lab);
    for port in 1000..1005 {
        agent::reload(&all.clone().service(&lab, "more", "tcp", port), &lab);
        traffic.goes_on();
    }
    agent::reload(&all, &lab);
    traffic.goes_on();
    traffic.stop(0);
}

#[test]
#[ignore = "needs root"]
fn a_hangup_reads_the_file_again() {
    let mut lab = Lab::builder().build().unwrap();
    let _servers = NameServers::start(&lab);
    agent::start(&services(&lab), &mut lab);
    let traffic = Traffic::start(&lab);
    // The file is the same, so that only the signal can be the cause.
    for _ in 0..3 {
        let before = agent::reloads(agent::running(&lab), "ok");
        agent::running(&lab).signal(Signal::HUP);
        agent::wait_for_reload(agent::running(&lab), "ok", before);
    }
    traffic.goes_on();
    traffic.stop(0);
}
