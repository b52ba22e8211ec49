//! `affinity: source`: the client's address and family alone pick the backend, in all services of a pool.

use std::net::Ipv4Addr;

use dsr::model::{Affinity, Desired, Protocol};
use dsr_tests::{
    frame::{Segment, VIP, tcp, udp},
    program::{Counter, Program, network, service},
};

use super::NEEDED;

const OTHER_VIP: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 11);
const BACKENDS: u8 = 4;

fn desired() -> Desired {
    let at = |name, vip, protocol, port| {
        let service = service(name, vip, protocol, port, BACKENDS);
        dsr::model::Service { affinity: Affinity::Source, ..service }
    };
    let services = vec![
        at("ftp", VIP, Protocol::Tcp, 21),
        at("passive", VIP, Protocol::Tcp, 50000),
        at("dns", VIP, Protocol::Udp, 53),
        at("https", OTHER_VIP, Protocol::Tcp, 443),
    ];
    Desired { hash_seed: 0x5eed, services }
}

/// The backend that a frame is sent to.
fn backend(program: &Program, frame: &[u8]) -> String {
    let counted = program.run(frame).unwrap().counted;
    let sent = counted.into_keys().find_map(|counter| match counter {
        Counter::Packets(_, backend) => Some(backend),
        _ => None,
    });
    sent.expect("the frame is sent to a backend")
}

#[test]
#[ignore = "needs root"]
fn a_client_has_one_backend_in_all_services_of_a_pool() {
    let program = Program::load(desired(), &network(&[]), NEEDED).unwrap();
    let client = Ipv4Addr::new(198, 51, 100, 7);
    let expected = backend(&program, &tcp((client, 1024), (VIP, 21), Segment::Syn));
    for port in 1024..2024 {
        let services = [(VIP, 21), (VIP, 50000), (OTHER_VIP, 443)];
        for to in services {
            assert_eq!(backend(&program, &tcp((client, port), to, Segment::Syn)), expected, "TCP {port} to {to:?}");
        }
        assert_eq!(backend(&program, &udp((client, port), (VIP, 53), b"query")), expected, "UDP {port}");
    }
}

#[test]
#[ignore = "needs root"]
fn clients_share_the_backends() {
    let program = Program::load(desired(), &network(&[]), NEEDED).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for last in 1..=100 {
        let client = Ipv4Addr::new(198, 51, 100, last);
        let control = backend(&program, &tcp((client, 1024), (VIP, 21), Segment::Syn));
        assert_eq!(backend(&program, &tcp((client, 1025), (VIP, 50000), Segment::Syn)), control, "{client}");
        seen.insert(control);
    }
    assert_eq!(seen.len(), usize::from(BACKENDS), "{seen:?}");
}
