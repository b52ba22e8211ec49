//! Tracked slots, a rule of the page a test: frames in, member chosen, what is remembered and what is counted.

use std::net::Ipv4Addr;

use dsr::{datapath::Features, reconcile::FlowTable};
use dsr_common::{
    address::{Address, Family},
    flow::Flow,
    hash::HashKeys,
    service::TableRef,
    track,
};
use dsr_tests::{
    frame::{CLIENT, OWN_MAC, PEER_MAC, Segment, VIP, tagged, tcp, udp},
    program::{Counter, Program, backend_mac, desired, network},
    tracked::{Change, MemberState, SlotState},
};

use etherparse::PacketBuilder;

/// Numbers of the services.
pub(crate) const WWW: usize = 0;
const DNS: usize = 1;
/// Ports of clients that have nothing else in common.
pub(crate) const ONE: u16 = 4000;
pub(crate) const TWO: u16 = 4001;

/// What these tests need: all of it takes the verifier far longer.
pub(crate) const FEATURES: Features =
    Features { vlan: true, track: true, source: true, remember: true, ..Features::NONE };

/// The program with all slots stable.
pub(crate) fn program() -> Program {
    Program::load(desired(), &network(&[]), FEATURES).unwrap()
}

/// The MAC that a frame left for, as the number of its backend; none where it was dropped. And what was counted.
pub(crate) fn sent(program: &Program, frame: &[u8]) -> (Option<u8>, Vec<&'static str>) {
    let outcome = program.run(frame).unwrap();
    let to = (1..=3).find(|n| outcome.frame[..6] == backend_mac(*n));
    let counted = outcome.counted.iter().filter_map(|(counter, by)| match counter {
        Counter::Tracking(how) => Some((*how, *by)),
        _ => None,
    });
    (to, counted.inspect(|(how, by)| assert_eq!(*by, 1, "{how}")).map(|(how, _)| how).collect())
}

pub(crate) fn syn(port: u16) -> Vec<u8> {
    tcp((CLIENT, port), (VIP, 80), Segment::Syn)
}

pub(crate) fn data(port: u16) -> Vec<u8> {
    tcp((CLIENT, port), (VIP, 80), Segment::Data)
}

fn query(port: u16) -> Vec<u8> {
    udp((CLIENT, port), (VIP, 53), b"query")
}

/// The hash of a flow in a service with these flags.
pub(crate) fn hash(client: (Ipv4Addr, u16), port: u16, flags: u8) -> u64 {
    let flow = Flow {
        family: Family::V4,
        protocol: if port == 80 { 6 } else { 17 },
        client_port: client.1.to_be(),
        service_port: port.to_be(),
        client: Address::from_v4(client.0.octets()),
        vip: Address::from_v4(VIP.octets()),
    };
    track::hash(&HashKeys::from_seed(desired().hash_seed), &flow, TableRef::new(0, 1, flags))
}

/// Puts the slot of a client's flow into a state.
pub(crate) fn set_slot(program: &mut Program, port: u16, service: usize, to: SlotState) {
    let size = program.slots(service);
    let service_port = [80, 53][service];
    let slot = TableRef::new(0, size, 0).slot(hash((CLIENT, port), service_port, 0));
    program.change(&Change::Slot { service, slot, to });
}

/// A slot that went from backend `previous` to `current`, both as their MACs number them.
pub(crate) fn went(previous: u8, current: u8) -> SlotState {
    let number = |n: u8| (n > 0).then(|| usize::from(n) - 1);
    SlotState::Tracked { current: number(current), previous: number(previous) }
}

fn member(program: &mut Program, n: u8, to: MemberState) {
    program.change(&Change::Member { service: WWW, backend: usize::from(n) - 1, to });
}

pub(crate) fn remembered(program: &Program) -> (usize, usize) {
    let count = |table| program.datapath().flow_entries(table).count();
    (count(FlowTable::Established), count(FlowTable::Embryonic))
}

/// A program in which the slot of port [`ONE`] went from backend 1 to 2.
pub(crate) fn changed() -> Program {
    let mut program = program();
    set_slot(&mut program, ONE, WWW, went(1, 2));
    program
}

#[test]
#[ignore = "needs root"]
fn in_a_stable_slot_nothing_is_stored() {
    let program = program();
    for port in 1024..1124 {
        let to = sent(&program, &syn(port));
        assert_eq!((to.1, sent(&program, &data(port)).0), (vec![], to.0));
    }
    assert_eq!(remembered(&program), (0, 0));
}

#[test]
#[ignore = "needs root"]
fn a_new_flow_goes_to_the_new_member_and_stays() {
    let mut program = changed();
    assert_eq!(sent(&program, &syn(ONE)), (Some(2), vec!["new"]));
    assert_eq!(remembered(&program), (0, 1));
    assert_eq!(sent(&program, &syn(ONE)), (Some(2), vec!["hit"]), "once more, for want of an answer");
    assert_eq!(remembered(&program), (0, 1));
    assert_eq!(sent(&program, &data(ONE)), (Some(2), vec!["promoted"]));
    assert_eq!(remembered(&program), (1, 0));
    assert_eq!(sent(&program, &data(ONE)), (Some(2), vec!["hit"]));
    set_slot(&mut program, ONE, WWW, went(1, 3));
    assert_eq!(sent(&program, &data(ONE)), (Some(2), vec!["hit"]), "another change moves it no more");
    assert_eq!(sent(&program, &syn(ONE)), (Some(2), vec!["hit"]), "a SYN of a known flow follows it");
}

#[test]
#[ignore = "needs root"]
fn a_flow_from_before_goes_where_it_went() {
    let mut program = changed();
    assert_eq!(sent(&program, &data(ONE)), (Some(1), vec!["to_previous"]));
    assert_eq!(remembered(&program), (0, 1));
    assert_eq!(sent(&program, &data(ONE)), (Some(1), vec!["promoted"]));
    set_slot(&mut program, ONE, WWW, went(0, 2));
    assert_eq!(sent(&program, &data(ONE)), (Some(1), vec!["hit"]), "also when the slot's previous member is forgotten");
    set_slot(&mut program, ONE, WWW, SlotState::Stable(Some(1)));
    assert_eq!(sent(&program, &data(ONE)), (Some(2), vec![]), "a stable slot looks nothing up");
}

#[test]
#[ignore = "needs root"]
fn without_a_previous_member_flows_go_to_the_slots_own() {
    let mut program = program();
    set_slot(&mut program, ONE, WWW, went(0, 2));
    assert_eq!(sent(&program, &data(ONE)), (Some(2), vec!["to_current"]));
    assert_eq!(sent(&program, &data(ONE)), (Some(2), vec!["promoted"]));
    set_slot(&mut program, TWO, WWW, went(1, 2));
    member(&mut program, 1, MemberState::Lost);
    assert_eq!(sent(&program, &data(TWO)), (Some(2), vec!["to_current"]), "one that is lost counts for none");
}

#[test]
#[ignore = "needs root"]
fn a_slot_without_a_member_serves_what_it_served() {
    let mut program = program();
    set_slot(&mut program, ONE, WWW, went(1, 0));
    assert_eq!(sent(&program, &syn(ONE)), (None, vec![]));
    assert_eq!(sent(&program, &data(ONE)), (Some(1), vec!["to_previous"]));
    member(&mut program, 1, MemberState::Lost);
    let outcome = program.run(&data(ONE)).unwrap();
    assert_eq!(outcome.counted, [(Counter::Reason("drop_no_backend"), 1)].into());
    assert_eq!(remembered(&program), (0, 1), "what cannot be sent changes nothing");
}

#[test]
#[ignore = "needs root"]
fn a_lost_member_loses_its_flows() {
    let mut program = changed();
    assert_eq!(sent(&program, &data(ONE)).0, Some(1));
    assert_eq!(sent(&program, &data(ONE)).1, ["promoted"]);
    member(&mut program, 1, MemberState::Lost);
    assert_eq!(sent(&program, &data(ONE)), (Some(2), vec!["to_current"]));
    assert_eq!(remembered(&program), (0, 1), "the entry for the lost one is gone");
    member(&mut program, 1, MemberState::Serves);
    assert_eq!(sent(&program, &data(ONE)), (Some(2), vec!["promoted"]), "and does not come back with it");
}

#[test]
#[ignore = "needs root"]
fn a_member_that_drains_keeps_flows_and_gets_none() {
    let mut program = changed();
    assert_eq!(sent(&program, &data(ONE)).0, Some(1));
    assert_eq!(sent(&program, &data(ONE)).1, ["promoted"]);
    member(&mut program, 1, MemberState::Drains);
    assert_eq!(sent(&program, &data(ONE)), (Some(1), vec!["hit"]));
    assert_eq!(sent(&program, &syn(ONE)), (Some(2), vec!["new"]), "the client begins again with the same port");
    assert_eq!(remembered(&program), (0, 1));
    assert_eq!(sent(&program, &data(ONE)), (Some(2), vec!["promoted"]));
}

#[test]
#[ignore = "needs root"]
fn a_resized_table_finds_previous_members_by_its_old_slots() {
    let mut program = program();
    let old_slot = TableRef::new(0, 101, 0).slot(hash((CLIENT, ONE), 80, 0)) as usize;
    let mut old = vec![Some(1); 101];
    old[old_slot] = Some(2);
    program.change(&Change::Replaced { service: WWW, old, by_source: None });
    set_slot(&mut program, ONE, WWW, went(0, 1));
    assert_eq!(sent(&program, &data(ONE)), (Some(3), vec!["to_previous"]));
    program.change(&Change::Replaced { service: WWW, old: Vec::new(), by_source: None });
    set_slot(&mut program, TWO, WWW, went(3, 1));
    assert_eq!(sent(&program, &data(TWO)), (Some(3), vec!["to_previous"]), "and by its own ones again");
}

#[test]
#[ignore = "needs root"]
fn a_service_that_remembers_every_flow_does_so_in_stable_slots() {
    let mut program = program();
    program.change(&Change::Affinity { service: DNS, source: false, remember: true });
    set_slot(&mut program, ONE, DNS, SlotState::Stable(Some(0)));
    assert_eq!(sent(&program, &query(ONE)), (Some(1), vec!["new"]));
    assert_eq!(sent(&program, &query(ONE)), (Some(1), vec!["promoted"]));
    set_slot(&mut program, ONE, DNS, SlotState::Stable(Some(1)));
    assert_eq!(sent(&program, &query(ONE)), (Some(1), vec!["hit"]));
    set_slot(&mut program, TWO, DNS, went(1, 2));
    assert_eq!(sent(&program, &query(TWO)), (Some(2), vec!["new"]), "a flow that is not known begins here");
}

#[test]
#[ignore = "needs root"]
fn frames_off_the_fast_path_are_followed_too() {
    let program = changed();
    let to = |frame: &[u8]| sent(&program, frame);
    assert_eq!(to(&tagged(&syn(ONE), 0x8100, 5)), (Some(2), vec!["new"]));
    assert_eq!(to(&error_about(ONE)), (Some(2), vec!["promoted"]), "an error about an answer in the flow");
    assert_eq!(to(&data(ONE)), (Some(2), vec!["hit"]));
}

/// "Fragmentation needed" about an answer to port `client`.
fn error_about(client: u16) -> Vec<u8> {
    let answer = tcp((VIP, 80), (CLIENT, client), Segment::Data);
    let builder = PacketBuilder::ethernet2(PEER_MAC, OWN_MAC).ipv4([203, 0, 113, 1], VIP.octets(), 64).icmpv4_raw(
        3,
        4,
        [0, 0, 5, 0],
    );
    let mut frame = Vec::new();
    builder.write(&mut frame, &answer[14..14 + 28]).unwrap();
    frame
}
