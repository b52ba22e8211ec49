//! Counting, and what begins and ends.

use super::*;
use crate::{config, tunnel_errors::message::Tunnel};

/// Two pools by GUE that share a backend, one by IPIP with the same backend, and one by `l2`.
const FILE: &str = "
interfaces: [eth0]
pools:
  a: {forward: gue, backends: [{name: one, address: 10.0.0.1}, {name: two, address: 10.0.0.2}]}
  b: {forward: gue, backends: [{name: uno, address: 10.0.0.1}]}
  c: {forward: ipip, backends: [{name: one, address: 10.0.0.1}]}
  d: {backends: [{name: one, address: 10.0.0.1}]}
services:
  - {name: a, vip: 192.0.2.10, port: 80, pool: a}
  - {name: b, vip: 192.0.2.10, port: 81, pool: b}
  - {name: c, vip: 192.0.2.10, port: 82, pool: c}
  - {name: d, vip: 192.0.2.10, port: 83, pool: d}
";

fn error(backend: [u8; 4], tunnel: Tunnel, kind: ErrorKind) -> TunnelError {
    TunnelError { kind, mtu: None, backend: backend.into(), tunnel }
}

fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    assert!(ledger.set_ends(&config::parse(FILE, "dsr.yaml".as_ref()).unwrap().desired));
    ledger
}

fn counts(ledger: &Ledger) -> Vec<(String, &'static str, u64)> {
    let counts = ledger.counts().iter();
    counts.map(|((end, kind), count)| (format!("{} {}", end.pool, end.backend), kind.label(), count.errors)).collect()
}

const ROUTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 9, 9));

#[test]
fn an_error_is_counted_on_each_backend_with_such_a_tunnel() {
    let (mut ledger, now) = (ledger(), Instant::now());
    let mut note = |backend, tunnel, kind| ledger.note(&error(backend, tunnel, kind), ROUTER, now).len();
    assert_eq!(note([10, 0, 0, 1], Tunnel::Udp(6080), ErrorKind::PortUnreachable), 2);
    assert_eq!(note([10, 0, 0, 1], Tunnel::Ip, ErrorKind::TooBig), 1);
    assert_eq!(note([10, 0, 0, 2], Tunnel::Udp(6080), ErrorKind::TooBig), 1);
    // No pool has such a tunnel, and no pool such a backend.
    for (backend, tunnel) in
        [([10, 0, 0, 1], Tunnel::Gre), ([10, 0, 0, 2], Tunnel::Udp(53)), ([10, 0, 0, 3], Tunnel::Ip)]
    {
        assert_eq!(note(backend, tunnel, ErrorKind::TooBig), 0);
    }
    let count = |name: &str, kind| (name.to_owned(), kind, 1);
    let expected = [
        count("a one", "port-unreachable"),
        count("a two", "too-big"),
        count("b uno", "port-unreachable"),
        count("c one", "too-big"),
    ];
    assert_eq!(counts(&ledger), expected);
}

#[test]
fn a_fault_is_told_once_until_it_is_over() {
    let (mut ledger, begin) = (ledger(), Instant::now());
    let error = error([10, 0, 0, 2], Tunnel::Udp(6080), ErrorKind::PortUnreachable);
    let mut at = |seconds| ledger.note(&error, ROUTER, begin + Duration::from_secs(seconds)).len();
    assert_eq!([at(0), at(1), at(50)], [1, 0, 0]);
    let last = begin + Duration::from_secs(50);
    assert_eq!(ledger.end(last + QUIET / 2), []);
    let over = ledger.end(last + QUIET);
    assert_eq!(over.iter().map(|(end, kind)| (&*end.backend, *kind)).collect::<Vec<_>>(), [("two", error.kind)]);
    assert_eq!(ledger.end(last + 2 * QUIET), [], "told once");
    assert_eq!(ledger.note(&error, ROUTER, last + 2 * QUIET).len(), 1, "it begins again");
    assert_eq!(counts(&ledger), [("a two".to_owned(), "port-unreachable", 4)]);
}

#[test]
fn counts_of_backends_that_stay_are_kept() {
    let (mut ledger, now) = (ledger(), Instant::now());
    for backend in [[10, 0, 0, 1], [10, 0, 0, 2]] {
        ledger.note(&error(backend, Tunnel::Udp(6080), ErrorKind::TooBig), ROUTER, now);
    }
    let changed = FILE.replace(", {name: two, address: 10.0.0.2}", "");
    assert!(ledger.set_ends(&config::parse(&changed, "dsr.yaml".as_ref()).unwrap().desired));
    let names: Vec<String> = counts(&ledger).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["a one", "b uno"]);
    let without = FILE.replace("forward: gue, ", "").replace("forward: ipip, ", "");
    assert!(!ledger.set_ends(&config::parse(&without, "dsr.yaml".as_ref()).unwrap().desired));
    assert_eq!(counts(&ledger), []);
}
