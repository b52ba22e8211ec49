//! A configuration that outgrows the program's tables: they are made anew, under traffic.

use std::net::Ipv4Addr;

use dsr_lab::{Lab, net::Links};
use dsr_tests::lab::{
    Configuration, agent,
    datagram::NameServers,
    eventually,
    frames::Arrivals,
    traffic::{Traffic, services},
};

/// Backends that there are on the nodes of the lab, each node being many: further addresses of their interfaces.
fn further(node: u8) -> impl Iterator<Item = (String, Ipv4Addr)> {
    (1..=FURTHER).map(move |n| (format!("web{node}-{n}"), Ipv4Addr::new(10, 77, 1 + node, n)))
}

fn large(lab: &Lab) -> Configuration {
    let all = (1..=NODES).flat_map(further);
    let backends = all.fold(services(lab), |all, (name, address)| all.backend(&name, address, 100));
    (0..SERVICES).fold(backends, |all, number| all.service(lab, &format!("s{number}"), "tcp", 1000 + number))
}

/// Frames that were sent to a backend by all services.
fn sent(samples: &dsr_lab::Samples, backend: &str) -> f64 {
    samples.sum("dsr_member_packets_total", &[("backend", backend)])
}

#[test]
#[ignore = "needs root"]
fn many_more_backends_and_services_cost_no_request() {
    let mut lab = Lab::builder().backends(NODES).build().unwrap();
    for node in 1..=NODES {
        let add = || async move {
            let links = Links::open()?;
            for (_, address) in further(node) {
                links.add_address("eth0", address, 16).await?;
            }
            Ok::<_, dsr_lab::Error>(())
        };
        lab.backend(node).unwrap().block_on(add).unwrap().unwrap();
    }
    let _servers = NameServers::start(&lab);
    let small = services(&lab);
    agent::start(&small, &mut lab);
    let traffic = Traffic::start(&lab);
    traffic.goes_on();

    let large = large(&lab);
    // The agent may be at work.
    let scrape = || eventually("answer to a scrape", || agent::running(&lab).scrape().ok());
    let sent = |backend| sent(&scrape(), backend);
    let before = ["web1", "web2", "web3"].map(sent);
    agent::reload(&large, &lab);
    traffic.goes_on();
    let running = agent::running(&lab);
    agent::wait_for_log(running, &["table is full: reloading the program"]);
    let samples = scrape();
    for (backend, before) in ["web1", "web2", "web3"].into_iter().zip(before) {
        let now = sent(backend);
        assert!(now >= before && before > 0.0, "{backend}: {before} frames were counted before, and {now} now");
    }
    let members = large.backends().len() * (usize::from(SERVICES) + 2);
    assert_eq!(samples.named("dsr_member_slots").filter(|sample| sample.value > 0.0).count(), members);

    agent::reload(&small, &lab);
    traffic.goes_on();
    traffic.stop(2 + CHANGES_WHILE_MACS_COME_IN);

    let arrivals = Arrivals::watch(&lab, 1);
    let traffic = Traffic::start(&lab);
    traffic.goes_on();
    traffic.stop(0);
    assert!(arrivals.take() > 0);
}

const NODES: u8 = 3;
/// With the nodes themselves sixty backends.
const FURTHER: u8 = 19;
const SERVICES: u16 = 100;
/// The new backends get their slots when the kernel knows their MACs, some sooner than others.
const CHANGES_WHILE_MACS_COME_IN: u64 = (NODES * FURTHER) as u64;
