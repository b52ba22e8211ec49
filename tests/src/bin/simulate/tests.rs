//! What must come out whatever the numbers are.

use crate::{
    design::{Design, Sharing, Tracking},
    ecmp::Spread,
    outcome::Outcome,
    run,
    scenario::{Kind, Rolling, Scenario},
    workload::Workload,
};

const MAGLEV: usize = 0;
const LRU: usize = 1;
const DSR: usize = 2;
const SHARED: usize = 3;
/// With room for every flow of a short run.
const DESIGNS: [Design; 4] = [
    Design::Maglev,
    Design::Lru(1 << 20),
    Design::Dsr(Tracking::with_bytes(512 << 10)),
    Design::Shared(Tracking::with_bytes(512 << 10), Sharing::PROMPT),
];

/// Runs a scenario with room for every flow, and checks what holds for every one.
fn run(scenario: &Scenario) -> Outcome {
    let outcome = run::run(scenario, &DESIGNS, 7);
    assert!(outcome.flows > 10_000, "{} flows are too few to tell", outcome.flows);
    for result in &outcome.designs {
        assert!(result.memory.used <= result.memory.reserved, "{result:?}");
    }
    outcome
}

fn broken(outcome: &Outcome) -> [u64; 4] {
    [MAGLEV, LRU, DSR, SHARED].map(|design| outcome.designs[design].broken)
}

fn scenario(balancers: usize, changes: &'static [Kind]) -> Scenario {
    Scenario {
        changes,
        rolling: Rolling::Never,
        ..Scenario::cluster(Workload::QUICK, balancers, 20, Spread::Resilient)
    }
}

#[test]
fn nothing_breaks_where_no_backend_changes() {
    for spread in [Spread::Resilient, Spread::Plain] {
        let outcome = run(&Scenario { rolling: Rolling::Apart, spread, ..scenario(4, &[]) });
        assert_eq!(broken(&outcome), [0; 4], "{spread:?}");
        assert_eq!(outcome.designs[SHARED].traffic.bytes, 0, "balancers with nothing in transition are silent");
        assert_eq!(outcome.lost, 0);
        let work = outcome.designs[DSR].work;
        assert_eq!((work.lookups, work.writes), (0, 0), "stable slots need no table of flows");
    }
}

#[test]
fn one_balancer_of_this_design_keeps_every_flow() {
    for kind in [Kind::Join, Kind::Drain, Kind::Reweight, Kind::Crash, Kind::KeptAlarm] {
        let changes: &[Kind] = match kind {
            Kind::Join => &[Kind::Join],
            Kind::Drain => &[Kind::Drain],
            Kind::Reweight => &[Kind::Reweight],
            Kind::KeptAlarm => &[Kind::KeptAlarm],
            Kind::Crash | Kind::FalseAlarm => &[Kind::Crash],
        };
        let outcome = run(&scenario(1, changes));
        let [maglev, lru, dsr, shared] = broken(&outcome);
        assert!(maglev > 10, "{kind:?}: plain Maglev breaks {maglev} flows: there was nothing to keep");
        assert_eq!((lru, dsr, shared), (0, 0, 0), "{kind:?}");
        assert_eq!(outcome.designs[DSR].work.evicted, 0, "{kind:?}");
        assert_eq!(outcome.lost > 0, matches!(kind, Kind::Crash | Kind::Drain), "{kind:?}: {} lost", outcome.lost);
    }
}

/// A table that knows every flow loses those alone that send something meanwhile.
#[test]
fn a_false_alarm_breaks_no_flow_that_is_silent_meanwhile() {
    let outcome = run(&scenario(1, &[Kind::FalseAlarm]));
    let [maglev, lru, dsr, _] = broken(&outcome);
    assert!(lru > 0 && maglev > lru, "{maglev} flows moved, {lru} sent something");
    assert_eq!(dsr, lru);
}

#[test]
fn a_change_of_the_tables_size_moves_nearly_all_and_breaks_none() {
    let outcome = run(&Scenario { backends: 40, ..scenario(1, &[Kind::Join]) });
    let [maglev, lru, dsr, shared] = broken(&outcome);
    assert!(maglev * 100 > outcome.flows, "{maglev} of {} flows moved", outcome.flows);
    assert_eq!((lru, dsr, shared), (0, 0, 0));
}

#[test]
fn small_tables_break_flows() {
    let small = [Design::Lru(16 << 10), Design::Dsr(Tracking::with_bytes(1 << 10))];
    let outcome = run::run(&scenario(1, &[Kind::Join]), &small, 7);
    for result in &outcome.designs {
        assert!(result.broken > 0 && result.work.evicted > 0, "{result:?}");
    }
}

#[test]
fn balancers_that_know_nothing_of_each_other_break_flows() {
    let outcome = run(&Scenario { rolling: Rolling::Apart, ..scenario(4, &[Kind::Join]) });
    assert!(broken(&outcome)[..SHARED].iter().all(|broken| *broken > 0), "{:?}", broken(&outcome));
}

#[test]
fn balancers_that_tell_each_other_what_is_in_transition_break_no_flow() {
    // The table of ten backends changes its size with each that joins or leaves.
    for (rolling, spread, balancers, backends) in [
        (Rolling::Apart, Spread::Resilient, 2, 20),
        (Rolling::Apart, Spread::Plain, 8, 20),
        (Rolling::Together, Spread::Plain, 4, 20),
        (Rolling::Together, Spread::Plain, 4, 10),
    ] {
        let outcome = run(&Scenario { backends, spread, rolling, ..scenario(balancers, crate::scenario::DAILY) });
        let [maglev, lru, dsr, shared] = broken(&outcome);
        assert!(maglev > 0 && lru > 0 && dsr > 0, "{rolling:?}, {spread:?}: there was nothing to keep");
        assert_eq!(shared, 0, "{rolling:?}, {spread:?}: {dsr} without messages");
    }
}

/// Backends that pass packets on keep flows through one change of their slot.
#[test]
fn daisy_chains_keep_flows_through_one_change() {
    let outcome = run::run(&scenario(4, &[Kind::Join]), &[Design::Maglev, Design::Beamer], 7);
    let [maglev, beamer] = [0, 1].map(|design: usize| outcome.designs[design].broken);
    assert!(beamer * 10 < maglev, "{beamer} of {maglev}");
}

#[test]
fn a_change_that_was_announced_costs_a_part_of_the_table() {
    let designs = [Design::Maglev, Design::Lru(1 << 20), Design::Jet(1 << 20)];
    let outcome = run::run(&scenario(1, &[Kind::Join]), &designs, 7);
    let [maglev, _, broken] = [0, 1, 2].map(|design: usize| outcome.designs[design].broken);
    assert!(broken * 10 < maglev, "{broken} of {maglev}");
    let [lru, jet] = [1, 2].map(|design: usize| outcome.designs[design].work.writes);
    assert!(jet * 2 < lru, "{jet} of {lru} entries written");
}

#[test]
fn connections_that_are_synchronised_survive_their_balancer() {
    let designs = [Design::Lru(1 << 20), Design::Ipvs(1 << 20)];
    let going = Scenario { rolling: Rolling::Apart, ..scenario(2, &[Kind::Join]) };
    let outcome = run::run(&going, &designs, 7);
    let [lru, ipvs] = [0, 1].map(|design: usize| outcome.designs[design].broken);
    assert!(ipvs < lru, "{ipvs} of {lru}");
    assert!(outcome.designs[1].traffic.bytes > 0);
}

#[test]
fn a_flood_of_syns_pushes_out_no_flow() {
    let flood = Scenario { flood_per_second: 500.0, ..scenario(1, &[Kind::Join]) };
    let tables = [Design::Lru(256 << 10), Design::Dsr(Tracking::with_bytes(256 << 10))];
    let outcome = run::run(&flood, &tables, 7);
    assert!(outcome.designs[0].broken > 0, "the flood is too weak for an LRU table: {:?}", outcome.designs[0]);
    assert_eq!(outcome.designs[1].broken, 0, "{:?}", outcome.designs[1]);
    assert!(outcome.designs[1].work.evicted > 0, "the flood does not reach this design's tables");
}

#[test]
fn a_design_meets_the_same_whatever_it_is_compared_with() {
    let changes = Scenario { rolling: Rolling::Apart, ..scenario(2, crate::scenario::DAILY) };
    let all = run::run(&changes, &DESIGNS, 7);
    let alone = run::run(&changes, &DESIGNS[DSR..], 7);
    assert_eq!((all.flows, all.lost), (alone.flows, alone.lost));
    assert_eq!(all.designs[DSR].broken, alone.designs[0].broken);
}

#[test]
fn the_same_seed_gives_the_same_numbers() {
    let changes = Scenario { rolling: Rolling::Apart, ..scenario(2, crate::scenario::DAILY) };
    let [one, same, other] = [7, 7, 8].map(|seed| {
        let outcome = run::run(&changes, &DESIGNS, seed);
        (outcome.flows, outcome.lost, broken(&outcome))
    });
    assert_eq!(one, same);
    assert_ne!(one, other);
}
