//! Drives the planner through random changes while flows begin, go on and end, with a small model of how the program
//! selects a member: a flow keeps its member for as long as that lives and the flow is remembered.
#![allow(missing_docs, clippy::unwrap_used)]

mod consistency {
    pub(crate) mod cluster;
    pub(crate) mod program;
}

use consistency::cluster::Cluster;
use dsr::model::Affinity;
use dsr_common::hash::split_mix;

/// Random sequences of so many steps each.
const STEPS: u32 = 60;

fn sequences() -> u64 {
    std::env::var("DSR_SEQUENCES").ok().and_then(|number| number.parse().ok()).unwrap_or(700)
}

fn drive(affinity: Affinity, established_sets: u32) -> Seen {
    let mut seen = Seen::default();
    for seed in 0..sequences() {
        let mut cluster = Cluster::new(seed, affinity, established_sets);
        let mut state = seed ^ 0xc0ff_ee00;
        for _ in 0..STEPS {
            cluster.step(split_mix(&mut state));
        }
        seen.checked += cluster.checked;
        seen.remembered += cluster.remembered;
        seen.evicted += cluster.evicted;
        seen.step += cluster.step;
        seen.resized += cluster.resized;
        seen.returned += cluster.returned;
        seen.repicked += cluster.repicked;
    }
    seen
}

/// What happened, so that it is known that there was something to go wrong.
#[derive(Debug, Default)]
struct Seen {
    /// Packets of flows that had to go to the member that they had.
    checked: u64,
    /// Those of them that would have gone elsewhere but for what was remembered.
    remembered: u64,
    evicted: u64,
    step: u64,
    resized: u64,
    returned: u64,
    repicked: u64,
}

#[test]
fn flows_keep_their_members_through_every_change() {
    let seen = drive(Affinity::Auto, 64);
    println!("{seen:?}");
    assert!(seen.checked > 50 * sequences() && seen.remembered > sequences(), "{seen:?}");
    assert!(seen.step > 0 && seen.resized > 0 && seen.evicted == 0, "{seen:?}");
    assert!(seen.returned > 0 && seen.repicked > 0, "{seen:?}");
}

#[test]
fn flows_that_are_not_evicted_keep_their_members() {
    let seen = drive(Affinity::Auto, 1);
    println!("{seen:?}");
    assert!(seen.checked > 0 && seen.remembered > 0 && seen.evicted > 0, "{seen:?}");
}

#[test]
fn flows_of_which_all_are_remembered_keep_their_members() {
    let seen = drive(Affinity::Flow, 64);
    println!("{seen:?}");
    assert!(seen.checked > 0 && seen.remembered > 0, "{seen:?}");
}

#[test]
fn without_affinity_flows_do_lose_their_members() {
    let lost = std::panic::catch_unwind(|| drive(Affinity::None, 64));
    assert!(lost.is_err(), "the model does not see a flow that goes to another member");
}
