//! `affinity: source`: a client's flows share a slot, and what becomes of flows when a service begins with it or ends it.

use dsr_common::service::{FLAG_SOURCE, TableRef};
use dsr_tests::{
    frame::CLIENT,
    program::Program,
    tracked::{Change, SlotState},
};

use super::track::{ONE, WWW, data, hash, program, remembered, sent, set_slot, syn, went};

#[test]
#[ignore = "needs root"]
fn flows_of_one_client_share_a_slot_and_are_told_apart() {
    let mut program = program();
    program.change(&Change::Affinity { service: WWW, source: true, remember: false });
    let slot = TableRef::new(0, program.slots(WWW), FLAG_SOURCE).slot(hash((CLIENT, ONE), 80, FLAG_SOURCE));
    program.change(&Change::Slot { service: WWW, slot, to: SlotState::Stable(Some(0)) });
    for port in 1024..1064 {
        assert_eq!(sent(&program, &data(port)), (Some(1), vec![]));
    }
    program.change(&Change::Slot { service: WWW, slot, to: went(1, 2) });
    for port in (1024..1064).step_by(2) {
        assert_eq!(sent(&program, &syn(port + 1)), (Some(2), vec!["new"]));
        assert_eq!(sent(&program, &data(port)), (Some(1), vec!["to_previous"]), "one that was there before");
        assert_eq!(sent(&program, &data(port + 1)), (Some(2), vec!["promoted"]));
    }
}

#[test]
#[ignore = "needs root"]
fn flows_stay_known_while_a_service_picks_slots_another_way() {
    let mut program = program();
    let slots = program.slots(WWW);
    let slot = |flags| TableRef::new(0, slots, flags).slot(hash((CLIENT, ONE), 80, flags));
    set_slot(&mut program, ONE, WWW, went(1, 2));
    assert_eq!(sent(&program, &syn(ONE)), (Some(2), vec!["new"]));
    assert_eq!(sent(&program, &data(ONE)), (Some(2), vec!["promoted"]));
    // To `source` and back: each time all slots are tracked, and the table that was first says who had a flow.
    let mut old = vec![Some(1); slots as usize];
    old[slot(0) as usize] = Some(0);
    for (source, flags) in [(true, FLAG_SOURCE), (false, 0)] {
        program.change(&Change::Affinity { service: WWW, source, remember: false });
        program.change(&Change::Replaced { service: WWW, old: old.clone(), by_source: Some(false) });
        program.change(&Change::Slot { service: WWW, slot: slot(flags), to: went(0, 3) });
        assert_eq!(sent(&program, &data(ONE)), (Some(2), vec!["hit"]), "a flow that is known, source: {source}");
        assert_eq!(remembered(&program), (1, 0), "once, by the hash that it has now");
        program.forget();
        assert_eq!(sent(&program, &data(ONE)), (Some(1), vec!["to_previous"]), "one that is not, source: {source}");
        program.forget();
        assert_eq!(sent(&program, &syn(ONE)), (Some(3), vec!["new"]), "source: {source}");
        program.forget();
        assert_eq!(sent(&program, &data(ONE)), (Some(1), vec!["to_previous"]));
        assert_eq!(sent(&program, &data(ONE)), (Some(1), vec!["promoted"]));
        // So that the next way finds it at the member that it has had from the first.
        program.change(&Change::Replaced { service: WWW, old: Vec::new(), by_source: None });
        program.forget();
        set_slot_of(&mut program, slot(flags), went(0, 2));
        assert_eq!(sent(&program, &syn(ONE)), (Some(2), vec!["new"]));
        assert_eq!(sent(&program, &data(ONE)), (Some(2), vec!["promoted"]));
    }
}

fn set_slot_of(program: &mut Program, slot: u32, to: SlotState) {
    program.change(&Change::Slot { service: WWW, slot, to });
}
