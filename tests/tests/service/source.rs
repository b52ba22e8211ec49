//! `affinity: source` with real clients: a client's connections and datagrams meet one backend, whatever the service.

use std::net::SocketAddr;

use dsr_lab::{Lab, PORT};
use dsr_tests::lab::{
    Configuration, agent,
    curl::request_many,
    echo::{self, EchoServers},
    nginx,
};

/// Ports of UDP services beside the TCP one; with as many, that all agree by chance is improbable.
const UDP_PORTS: [u16; 6] = [21, 53, 443, 3478, 5060, 50000];
const REQUESTS: u32 = 100;

#[test]
#[ignore = "needs root"]
fn a_clients_connections_and_datagrams_meet_one_backend() {
    let mut lab = Lab::builder().backends(4).without_http().build().unwrap();
    let vip = lab.vip(0).unwrap();
    let _nginx = nginx::start_all(&lab);
    let _echo = EchoServers::start(&lab, &UDP_PORTS.map(|port| SocketAddr::from((vip, port))));
    let tcp = format!("name: www, vip: {vip}, port: {PORT}, affinity: source");
    let udp = |port: u16| format!("name: udp{port}, vip: {vip}, protocol: udp, port: {port}, affinity: source");
    let file = Configuration::of(&lab).no_services().line(&tcp);
    agent::start(&UDP_PORTS.into_iter().fold(file, |file, port| file.line(&udp(port))), &mut lab);

    let answers = request_many(&lab, REQUESTS);
    assert_eq!(answers.good, u64::from(REQUESTS), "{answers:?}");
    assert_eq!(answers.bodies.len(), 1, "one backend answers all: {answers:?}");
    let expected = answers.bodies.keys().next().unwrap();
    for port in UDP_PORTS {
        let answerer = echo::ask(lab.client(), 0, (vip, port).into(), b"hello").unwrap();
        assert_eq!(&answerer, expected, "UDP port {port}");
    }
}
