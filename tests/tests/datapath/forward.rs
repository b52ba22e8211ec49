//! Packets for a service go to a backend of it, with a new link header and nothing else changed.

use std::{collections::BTreeMap, net::Ipv4Addr};

use dsr::{
    datapath::Features,
    maglev::{self, Candidate},
    model::{Affinity, Announce, Desired, NoHop, Protocol, Reach, Service, VlanTag},
};
use dsr_common::{
    address::{Address, Family},
    flow::Flow,
    hash::{HashKeys, Keys as _},
    slot,
};
use dsr_tests::{
    frame::{CLIENT, OWN_MAC, Segment, VIP, tagged, tcp, udp, untagged, with_options},
    program::{Counter, Outcome, Program, Verdict, backend_address, backend_mac, desired, network, service},
};

use super::{NEEDED, assert_ends, program};

/// The backend that a flow belongs to, by the shared hash and a table built here.
fn expected_backend(client: (Ipv4Addr, u16), protocol: Protocol, port: u16, backends: u8) -> u8 {
    let flow = Flow {
        family: Family::V4,
        protocol: protocol.number().expect("a protocol"),
        client_port: client.1.to_be(),
        service_port: port.to_be(),
        client: Address::from_v4(client.0.octets()),
        vip: Address::from_v4(VIP.octets()),
    };
    let candidates: Vec<_> =
        (1..=backends).map(|n| Candidate { address: Address::from_v4([10, 0, 0, n]), weight: 100 }).collect();
    let size = maglev::size_for(candidates.len());
    let table = maglev::table(&candidates, size, desired().hash_seed);
    let hash = HashKeys::from_seed(desired().hash_seed).flow(&flow);
    table[slot::index(hash, size) as usize].unwrap() as u8 + 1
}

/// The outcome for a frame that goes to backend `n`.
fn sent(service: &str, n: u8, frame: &[u8], bytes: usize, opens: bool) -> Outcome {
    let mut out = frame.to_vec();
    out[..6].copy_from_slice(&backend_mac(n));
    out[6..12].copy_from_slice(&OWN_MAC);
    let key = |counter: fn(String, String) -> Counter| counter(service.to_owned(), format!("web{n}"));
    let mut counted = BTreeMap::from([(key(Counter::Packets), 1), (key(Counter::Bytes), bytes as u64)]);
    if opens {
        counted.insert(key(Counter::NewFlows), 1);
    }
    Outcome { verdict: Verdict::Tx, frame: out, counted }
}

#[test]
#[ignore = "needs root"]
fn tcp_goes_where_the_shared_hash_says_and_is_counted_there() {
    let program = program();
    let mut used = BTreeMap::new();
    for port in 1024..1324 {
        let client = (CLIENT, port);
        let n = expected_backend(client, Protocol::Tcp, 80, 3);
        *used.entry(n).or_insert(0) += 1;
        for (segment, opens) in [(Segment::Syn, true), (Segment::Data, false)] {
            let frame = tcp(client, (VIP, 80), segment);
            assert_eq!(program.run(&frame).unwrap(), sent("www", n, &frame, frame.len(), opens));
        }
    }
    assert_eq!(used.len(), 3, "300 flows use every backend: {used:?}");
}

#[test]
#[ignore = "needs root"]
fn udp_goes_to_its_own_service() {
    let program = program();
    for port in 1024..1100 {
        let frame = udp((CLIENT, port), (VIP, 53), b"query");
        let n = expected_backend((CLIENT, port), Protocol::Udp, 53, 3);
        assert_eq!(program.run(&frame).unwrap(), sent("dns", n, &frame, frame.len(), false));
    }
}

#[test]
#[ignore = "needs root"]
fn padding_is_kept_and_not_counted() {
    let mut frame = udp((CLIENT, 1024), (VIP, 53), b"q");
    let bytes = frame.len();
    frame.resize(60, 0);
    let n = expected_backend((CLIENT, 1024), Protocol::Udp, 53, 3);
    assert_eq!(program().run(&frame).unwrap(), sent("dns", n, &frame, bytes, false));
}

#[test]
#[ignore = "needs root"]
fn options_do_not_hide_the_ports() {
    let program = program();
    for words in 1..=10 {
        let frame = with_options(&tcp((CLIENT, 4000), (VIP, 80), Segment::Data), words);
        let n = expected_backend((CLIENT, 4000), Protocol::Tcp, 80, 3);
        assert_eq!(program.run(&frame).unwrap(), sent("www", n, &frame, frame.len(), false), "{words} words");
    }
}

#[test]
#[ignore = "needs root"]
fn tags_are_added_rewritten_and_removed() {
    let plain = tcp((CLIENT, 4000), (VIP, 80), Segment::Data);
    let n = expected_backend((CLIENT, 4000), Protocol::Tcp, 80, 3);
    let (vlan, service_vlan) = (VlanTag { tpid: 0x8100, id: 100 }, VlanTag { tpid: 0x88a8, id: 7 });
    let cases: [(&str, Vec<VlanTag>, Vec<u8>); 5] = [
        ("untagged out", vec![], plain.clone()),
        ("one tag out", vec![vlan], tagged(&plain, 0x8100, 100)),
        ("another tag out", vec![service_vlan], tagged(&plain, 0x88a8, 7)),
        ("two tags out", vec![service_vlan, vlan], tagged(&tagged(&plain, 0x8100, 100), 0x88a8, 7)),
        ("the same tag out", vec![VlanTag { tpid: 0x8100, id: 5 }], tagged(&plain, 0x8100, 5)),
    ];
    for (what, tags, expected) in cases {
        let program = Program::load(desired(), &network(&tags), NEEDED).unwrap();
        let mut macs = [backend_mac(n), OWN_MAC].concat();
        macs.extend_from_slice(&expected[12..]);
        for (frame, how) in [(plain.clone(), "untagged in"), (tagged(&plain, 0x8100, 5), "tag 5 in")] {
            let outcome = program.run(&frame).unwrap();
            assert_eq!((outcome.verdict, outcome.frame), (Verdict::Tx, macs.clone()), "{how}, {what}");
            let bytes = outcome.counted[&Counter::Bytes("www".to_owned(), format!("web{n}"))];
            assert_eq!(bytes, frame.len() as u64, "bytes are counted as they came in: {how}, {what}");
        }
    }
    assert_eq!(untagged(&tagged(&plain, 0x8100, 100)), plain);
}

#[test]
#[ignore = "needs root"]
fn features_that_are_not_used_change_no_verdict() {
    let none = Features::NONE;
    let program = Program::load(desired(), &network(&[]), none).unwrap();
    let frame = tcp((CLIENT, 4000), (VIP, 80), Segment::Syn);
    let n = expected_backend((CLIENT, 4000), Protocol::Tcp, 80, 3);
    assert_eq!(program.run(&frame).unwrap(), sent("www", n, &frame, frame.len(), true));
    assert_ends(&program, "tagged", &tagged(&frame, 0x8100, 1), Verdict::Pass, "pass_not_ip");
}

#[test]
#[ignore = "needs root"]
fn programs_of_every_affinity_load() {
    let yes_and_no = [false, true];
    for (source, remember) in yes_and_no.into_iter().flat_map(|source| yes_and_no.map(|remember| (source, remember))) {
        for others in [Features { vlan: true, ..Features::NONE }, Features::ALL] {
            let features = Features { track: true, source, remember, ..others };
            let loaded = Program::load(desired(), &network(&[]), features);
            let error = loaded.err().map(|error| format!("{error:#}"));
            assert_eq!(error, None, "{features:?}");
        }
    }
}

#[test]
#[ignore = "needs root"]
fn the_tables_follow_the_plan_while_loaded() {
    let mut program = program();
    let frame = tcp((CLIENT, 4000), (VIP, 80), Segment::Syn);
    let n = expected_backend((CLIENT, 4000), Protocol::Tcp, 80, 3);

    let mut without = network(&[]);
    without.reach.insert(backend_address(n), Reach::No(NoHop::NoNeighbour(backend_address(n))));
    program.reconcile(desired(), &without).unwrap();
    let outcome = program.run(&frame).unwrap();
    assert_eq!(outcome.verdict, Verdict::Tx);
    assert_ne!(outcome.frame[..6], backend_mac(n), "a backend that cannot be reached gets nothing");

    let meanwhile = outcome.frame[..6].to_vec();
    program.reconcile(desired(), &network(&[])).unwrap();
    assert_eq!(program.run(&frame).unwrap().frame[..6], meanwhile, "what began meanwhile stays where it is");
    let other = (4001..u16::MAX).find(|port| expected_backend((CLIENT, *port), Protocol::Tcp, 80, 3) == n).unwrap();
    for segment in [Segment::Data, Segment::Syn] {
        let frame = tcp((CLIENT, other), (VIP, 80), segment);
        assert_eq!(program.run(&frame).unwrap().frame[..6], backend_mac(n), "and all else comes back when it can");
    }

    let www = Service { affinity: Affinity::None, ..service("www", VIP, Protocol::Tcp, 80, 40) };
    let more = Desired { services: vec![www], ..desired() };
    program.reconcile(more, &network(&[])).unwrap();
    for port in 1024..1200 {
        let n = expected_backend((CLIENT, port), Protocol::Tcp, 80, 40);
        let frame = tcp((CLIENT, port), (VIP, 80), Segment::Data);
        assert_eq!(program.run(&frame).unwrap(), sent("www", n, &frame, frame.len(), false));
    }
    let dns = udp((CLIENT, 4000), (VIP, 53), b"query");
    assert_ends(&program, "a removed service", &dns, Verdict::Drop, "drop_no_service");

    let nobody = Desired { services: vec![service("www", VIP, Protocol::Tcp, 80, 0)], ..desired() };
    program.reconcile(nobody, &network(&[])).unwrap();
    assert_ends(&program, "no backend", &frame, Verdict::Drop, "drop_no_backend");

    program.reconcile(Desired { services: Vec::new(), ..desired() }, &network(&[])).unwrap();
    assert_ends(&program, "no VIP", &frame, Verdict::Pass, "pass_not_vip");
}

#[test]
#[ignore = "needs root"]
fn a_vip_that_is_not_announced_is_served() {
    let mut desired = desired();
    desired.services.iter_mut().for_each(|service| service.announce = Announce::None);
    let program = Program::load(desired, &network(&[]), NEEDED).unwrap();
    let frame = tcp((CLIENT, 4000), (VIP, 80), Segment::Syn);
    let n = expected_backend((CLIENT, 4000), Protocol::Tcp, 80, 3);
    assert_eq!(program.run(&frame).unwrap(), sent("www", n, &frame, frame.len(), true));
}
