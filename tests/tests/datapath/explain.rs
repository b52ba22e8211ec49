//! What `dsr explain` computes from the tables is what the program does, whatever the state of the slot.

use std::collections::BTreeMap;

use dsr::{
    datapath::Features,
    model::{Affinity, Desired, Weight},
    reconcile::{Part, Tables, Why, placement_of, service_of},
};
use dsr_common::{
    address::{Address, Family},
    flow::Flow,
    hash::HashKeys,
};
use dsr_tests::{
    frame::{CLIENT, Segment, VIP, tcp},
    program::{Program, Verdict, backend_mac, desired, network},
};

fn flow(port: u16) -> Flow {
    Flow {
        family: Family::V4,
        protocol: 6,
        client_port: port.to_be(),
        service_port: 80_u16.to_be(),
        client: Address::from_v4(CLIENT.octets()),
        vip: Address::from_v4(VIP.octets()),
    }
}

/// The last byte of the MAC of the backend that the explanation names, and its reason.
fn explained(program: &Program, desired: &Desired, port: u16, of: Part) -> (Option<u8>, Why) {
    let (keys, tables) = (HashKeys::from_seed(desired.hash_seed), program.tables());
    let service = service_of(&flow(port), &keys, tables).unwrap();
    let way = placement_of(&flow(port), of, &service, &keys, tables);
    (way.row.map(|row| tables.member(row).link[5]), way.why)
}

/// The same of the backend that the program sends a packet to.
fn sent(program: &Program, port: u16, segment: Segment) -> Option<u8> {
    let (verdict, frame) = program.run_uncounted(&tcp((CLIENT, port), (VIP, 80), segment)).unwrap();
    (verdict == Verdict::Tx).then(|| {
        assert_eq!(frame[..5], backend_mac(0)[..5]);
        frame[5]
    })
}

fn weighted(desired: &Desired, weights: [u16; 3]) -> Desired {
    let mut desired = desired.clone();
    for service in &mut desired.services {
        let mut backends = service.backends.to_vec();
        for (backend, weight) in backends.iter_mut().zip(weights) {
            backend.weight = Weight::new(weight).unwrap();
        }
        service.backends = backends.into();
    }
    desired
}

fn with(affinity: Affinity) -> Desired {
    let mut desired = desired();
    desired.services.iter_mut().for_each(|service| service.affinity = affinity);
    desired
}

#[test]
#[ignore = "needs root"]
fn an_explanation_is_what_the_program_does() {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for affinity in [Affinity::Auto, Affinity::Flow, Affinity::Source, Affinity::None] {
        let all = with(affinity);
        let mut program = Program::load(all.clone(), &network(&[]), Features::ALL).unwrap();
        // A third of the flows begins in each state; packets of all of them come in each.
        let states = [all.clone(), weighted(&all, [100, 0, 100]), weighted(&all, [0, 100, 1]), all.clone()];
        for (state, desired) in (0_u16..).zip(&states) {
            program.reconcile(desired.clone(), &network(&[])).unwrap();
            for port in 1000..1120_u16 {
                let segment = if port % 3 == state % 3 { Segment::Syn } else { Segment::Data };
                let part = if segment == Segment::Syn { Part::First } else { Part::Later };
                let (backend, why) = explained(&program, desired, port, part);
                *seen.entry(format!("{affinity:?} {why:?}")).or_default() += 1;
                assert_eq!(sent(&program, port, segment), backend, "{affinity:?}, state {state}, port {port}, {why:?}");
                // Packets that the program has remembered since.
                let (backend, why) = explained(&program, desired, port, Part::Later);
                assert_eq!(
                    sent(&program, port, Segment::Data),
                    backend,
                    "{affinity:?}, state {state}, port {port}, {why:?}"
                );
            }
        }
    }
    for expected in [
        "Auto Stable",
        "Auto Remembered(Established)",
        "Auto Previous",
        "Auto New",
        "Flow Remembered(Established)",
        "Source Previous",
        "None Stable",
    ] {
        assert!(seen.contains_key(expected), "{expected} was not seen: {seen:?}");
    }
}
