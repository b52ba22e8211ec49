//! What of tracked flows is forgotten, and what is not: full tables, and rows of members that another one gets.

use std::net::Ipv4Addr;

use dsr::reconcile::Sizes;
use dsr_tests::{
    frame::{Segment, VIP, tcp},
    program::{Program, desired, network},
    tracked::Change,
};

use super::track::{FEATURES, ONE, TWO, WWW, changed, data, remembered, sent, set_slot, syn, went};

#[test]
#[ignore = "needs root"]
fn a_flood_pushes_no_established_flow_out() {
    let mut program = Program::load_with(small(), desired(), &network(&[]), FEATURES).unwrap();
    for slot in 0..program.slots(WWW) {
        program.change(&Change::Slot { service: WWW, slot, to: went(1, 2) });
    }
    let established = 2000..2064;
    for port in established.clone() {
        program.run_uncounted(&syn(port)).unwrap();
        assert_eq!(sent(&program, &data(port)), (Some(2), vec!["promoted"]), "port {port}");
    }
    for n in 0..5000_u32 {
        let client = (Ipv4Addr::from_bits(0x6400_0000 + n), 1024 + (n % 977) as u16);
        let segment = if n % 2 == 0 { Segment::Syn } else { Segment::Data };
        program.run_uncounted(&tcp(client, (VIP, 80), segment)).unwrap();
    }
    for port in established {
        assert_eq!(sent(&program, &data(port)), (Some(2), vec!["hit"]), "port {port}");
    }
}

/// Room for more established flows than there are, and for few embryonic flows.
fn small() -> Sizes {
    Sizes { established_sets: 64, embryonic_sets: 4, ..Sizes::for_desired(&desired()) }
}

#[test]
#[ignore = "needs root"]
fn the_flow_unseen_for_longest_gives_way() {
    let sizes = Sizes { established_sets: 1, embryonic_sets: 1, ..small() };
    let mut program = Program::load_with(sizes, desired(), &network(&[]), FEATURES).unwrap();
    for slot in 0..program.slots(WWW) {
        program.change(&Change::Slot { service: WWW, slot, to: went(1, 2) });
    }
    for port in 2000..2008 {
        program.run_uncounted(&syn(port)).unwrap();
        program.run_uncounted(&data(port)).unwrap();
        program.change(&Change::Tick);
    }
    assert_eq!(sent(&program, &data(2000)), (Some(2), vec!["hit"]), "the oldest is seen again");
    program.run_uncounted(&syn(2008)).unwrap();
    assert_eq!(sent(&program, &data(2008)), (Some(2), vec!["evicted", "promoted"]));
    assert_eq!(sent(&program, &data(2000)).1, ["hit"]);
    assert_eq!(sent(&program, &data(2001)), (Some(1), vec!["to_previous"]), "the next oldest was forgotten");
}

#[test]
#[ignore = "needs root"]
fn a_rows_flows_are_forgotten_with_its_member() {
    let mut program = changed();
    program.run_uncounted(&data(ONE)).unwrap();
    set_slot(&mut program, TWO, WWW, went(2, 3));
    program.run_uncounted(&data(TWO)).unwrap();
    program.run_uncounted(&data(TWO)).unwrap();
    assert_eq!(remembered(&program), (1, 1));
    program.reset_member(WWW, 0);
    assert_eq!(remembered(&program), (1, 0));
    program.reset_member(WWW, 1);
    assert_eq!(remembered(&program), (0, 0));
}
