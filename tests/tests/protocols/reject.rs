//! `on_empty`: what a client gets from a service without a backend.

use std::{
    io::ErrorKind,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use dsr_lab::{Lab, PORT, net::LinkState};
use dsr_tests::lab::{
    Configuration, PATIENCE,
    agent::{self, count, reason},
    echo::{self, EchoServers},
    process::finish,
};

/// A TCP and a UDP service of each family, all of which do this where they have no backend.
fn configuration(lab: &Lab, on_empty: &str) -> Configuration {
    let mut configuration = Configuration::of(lab).no_services();
    for (name, vip) in [("v4", vips(lab)[0]), ("v6", vips(lab)[1])] {
        for (protocol, port) in [("tcp", PORT), ("udp", UDP_PORT)] {
            configuration = configuration.line(&format!(
                "name: {protocol}-{name}, vip: \"{vip}\", protocol: {protocol}, port: {port}, on_empty: {on_empty}"
            ));
        }
    }
    configuration
}

fn drained(configuration: Configuration) -> Configuration {
    configuration.weight("web1", 0).weight("web2", 0)
}

fn lab() -> Lab {
    Lab::builder().backends(2).with_ipv6().build().unwrap()
}

fn vips(lab: &Lab) -> [IpAddr; 2] {
    [lab.vip(0).unwrap().into(), lab.vip6(0).unwrap().into()]
}

/// How curl ends at the TCP service of this VIP.
fn curl(lab: &Lab, vip: IpAddr, connect_timeout: &str) -> Option<i32> {
    let mut curl = lab.client().command("curl").unwrap();
    let url = format!("http://{}/", SocketAddr::from((vip, PORT)));
    curl.args(["--silent", "--globoff", "--output", "/dev/null", "--connect-timeout", connect_timeout, &url]);
    finish(&mut curl).status.code()
}

/// What a UDP client gets that sends and waits.
fn datagram(lab: &Lab, vip: IpAddr, patience: Duration) -> Result<String, ErrorKind> {
    let socket = echo::socket(lab.client(), 0, (vip, UDP_PORT).into(), patience);
    socket.send(b"?").unwrap();
    echo::answerer(&socket, b"?").map_err(|error| error.kind())
}

fn assert_refused(lab: &Lab) {
    for vip in vips(lab) {
        let before = reason(lab, "answer_reject");
        assert_eq!(curl(lab, vip, LONG), Some(CURL_REFUSED), "{vip}");
        assert_eq!(datagram(lab, vip, PATIENCE), Err(ErrorKind::ConnectionRefused), "{vip}");
        assert_eq!(reason(lab, "answer_reject") - before, 2, "one SYN, one datagram");
    }
    assert_eq!(reason(lab, "drop_no_backend"), 0);
}

#[test]
#[ignore = "needs root"]
fn a_service_whose_backends_are_drained_refuses() {
    let mut lab = lab();
    let services = vips(&lab).map(|vip| SocketAddr::from((vip, UDP_PORT)));
    let _servers = EchoServers::start(&lab, &services);
    let configuration = configuration(&lab, "reject");
    agent::start(&drained(configuration.clone()), &mut lab);
    assert_refused(&lab);
    assert_eq!(count(&lab, "dsr_member_packets_total", &[]), 0);

    // And serves as soon as there is a backend again.
    agent::reload(&configuration, &lab);
    for vip in vips(&lab) {
        assert_eq!(curl(&lab, vip, LONG), Some(0), "{vip}");
        assert!(datagram(&lab, vip, PATIENCE).is_ok(), "{vip}");
    }
}

#[test]
#[ignore = "needs root"]
fn a_service_whose_backends_are_gone_refuses() {
    let mut lab = lab();
    let configuration = configuration(&lab, "reject");
    agent::start(&configuration, &mut lab);
    for backend in [1, 2] {
        lab.set_backend(backend, LinkState::Down).unwrap();
    }
    let agent = agent::running(&lab);
    let gone = |samples: &dsr_lab::Samples| samples.sum("dsr_member_slots", &[]) as u64 == 0;
    agent.wait_until("no slots", PATIENCE, gone).unwrap();
    assert_refused(&lab);
}

#[test]
#[ignore = "needs root"]
fn a_service_that_drops_says_nothing() {
    let mut lab = lab();
    agent::start(&drained(configuration(&lab, "drop")), &mut lab);
    for vip in vips(&lab) {
        let before = reason(&lab, "drop_no_backend");
        assert_eq!(curl(&lab, vip, "2"), Some(CURL_TIMED_OUT), "{vip}");
        assert_eq!(datagram(&lab, vip, Duration::from_secs(1)), Err(ErrorKind::WouldBlock), "{vip}");
        assert!(reason(&lab, "drop_no_backend") - before >= 2, "a SYN or more, and a datagram");
    }
    assert_eq!(reason(&lab, "answer_reject"), 0);
}

const UDP_PORT: u16 = 5353;
/// Long enough that only a refusal can end curl.
const LONG: &str = "40";
/// `CURLE_COULDNT_CONNECT`
const CURL_REFUSED: i32 = 7;
/// `CURLE_OPERATION_TIMEDOUT`
const CURL_TIMED_OUT: i32 = 28;
