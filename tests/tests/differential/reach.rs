//! That the generator reaches every way out of the page, by the model alone: no root, no program.

use std::{collections::BTreeMap, time::Duration};

use dsr_tests::{
    generate::{self, cluster},
    model::{Model, Why},
};

use super::invariant;

/// Cases that are tried, and frames that each way out has to have among them at least.
const CASES: u64 = 60_000;
const LEAST: u64 = 50;

/// What the fast path takes: the headers of frames that are sent, sound and without options.
const SHAPES: [&str; 9] = [
    "IPv4 protocol 6",
    "IPv4 protocol 17",
    "IPv4 protocol 132",
    "IPv6 protocol 6",
    "IPv6 protocol 17",
    "IPv6 protocol 132",
    "tagged IPv4 protocol 6",
    "tagged IPv6 protocol 6",
    "tagged IPv6 protocol 17",
];

/// Every reason of the page but those that need another interface, another configuration or shorter frames; and what
/// is sent, by kind of case and service.
const WAYS_OUT: [&str; 31] = [
    "answer_arp",
    "answer_echo",
    "answer_ndp",
    "answer_reject",
    "answer_too_big",
    "drop_fragment_early",
    "drop_icmp",
    "drop_loop",
    "drop_malformed",
    "drop_no_backend",
    "drop_no_service",
    "drop_protocol",
    "drop_too_big",
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
    "flow to far-gue4",
    "flow to far-ipip6",
    "fragments to far-dscp6",
    "ICMP error to all4",
    "ICMP error to rest6",
];

#[test]
fn every_way_out_is_reached() {
    let mut model = Model::of_rules(cluster::rules(), cluster::HASH_SEED, &cluster::network(), Some(cluster::own()));
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

#[test]
fn every_shape_of_the_fast_path_is_sent() {
    let mut model = Model::of_rules(cluster::rules(), cluster::HASH_SEED, &cluster::network(), Some(cluster::own()));
    let mut sent = BTreeMap::<String, u64>::new();
    for number in 0..CASES {
        for frame in generate::case(7, number).frames {
            if matches!(model.decide(Duration::from_millis(number), &frame).why, Why::Sent { .. })
                && let Some(shape) = shape(&frame)
            {
                *sent.entry(shape).or_insert(0) += 1;
            }
        }
    }
    let few: Vec<_> = SHAPES.iter().filter(|shape| sent.get(**shape).copied().unwrap_or(0) < LEAST).collect();
    assert!(few.is_empty(), "too few frames are {few:?}: {sent:#?}");
}

/// Family and protocol of a whole packet without options or extension headers, behind one tag or none.
fn shape(frame: &[u8]) -> Option<String> {
    let tagged = matches!(frame.get(12..14)?, [0x81, 0x00] | [0x88, 0xa8]);
    let (tag, packet) = if tagged { ("tagged ", 18) } else { ("", 14) };
    match (frame.get(packet - 2..packet)?, frame.get(packet..)?) {
        ([0x08, 0x00], [0x45, _, _, _, _, _, 0x00 | 0x40, 0x00, _, protocol, ..]) => {
            Some(format!("{tag}IPv4 protocol {protocol}"))
        }
        ([0x86, 0xdd], [0x60..=0x6f, _, _, _, _, _, protocol, ..]) => Some(format!("{tag}IPv6 protocol {protocol}")),
        _ => None,
    }
}
