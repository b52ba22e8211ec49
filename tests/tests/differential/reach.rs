//! That the generator reaches every way out of the page, by the model alone: no root, no program.

use std::{collections::BTreeMap, time::Duration};

use dsr_tests::{
    generate::{self, world},
    model::{Model, Why},
};

use super::invariant;

/// Cases that are tried, and frames that each way out has to have among them at least.
const CASES: u64 = 30_000;
const LEAST: u64 = 50;

/// Every reason of the page but those that need another interface, another configuration or shorter frames; and what
/// is sent, by kind of case and service.
const WAYS_OUT: [&str; 26] = [
    "answer_arp",
    "answer_echo",
    "answer_ndp",
    "answer_reject",
    "drop_fragment_early",
    "drop_icmp",
    "drop_loop",
    "drop_malformed",
    "drop_no_backend",
    "drop_no_service",
    "drop_protocol",
    "pass_agent_dead",
    "pass_arp_claim",
    "pass_group",
    "pass_nd_claim",
    "pass_not_ip",
    "pass_not_vip",
    "pass_other_host",
    "pass_truncated",
    "flow to all4",
    "flow to www6",
    "fragments to sigtran4",
    "fragments to sigtran6",
    "fragments to rest6",
    "ICMP error to all4",
    "ICMP error to rest6",
];

#[test]
fn every_way_out_is_reached() {
    let mut model = Model::of_rules(world::rules(), world::HASH_SEED, &world::network(), Some(world::own()));
    let mut reached = BTreeMap::<String, u64>::new();
    for number in 0..CASES {
        let case = generate::case(7, number);
        let kind = case.about.split(',').next().unwrap_or_default();
        for (index, frame) in case.frames.iter().enumerate() {
            model.set_heartbeat(case.heartbeat(index));
            let decision = model.decide(Duration::from_millis(number), frame);
            invariant::check(frame, &decision);
            let way_out = match decision.why {
                Why::Reason(reason) => reason.to_owned(),
                Why::Sent { service, .. } => format!("{kind} to {service}"),
            };
            *reached.entry(way_out).or_insert(0) += 1;
        }
    }
    let few: Vec<_> = WAYS_OUT.iter().filter(|way| reached.get(**way).copied().unwrap_or(0) < LEAST).collect();
    assert!(few.is_empty(), "too few frames reach {few:?}: {reached:#?}");
    eprintln!("{reached:#?}");
}
