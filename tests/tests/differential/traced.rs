//! The program that tells of frames against the one that does not: whatever the frame, they do the same.

use dsr::datapath::Features;
use dsr_common::trace::TraceFilter;
use dsr_tests::{
    generate::{self, cluster},
    program::Program,
};

const SEED: u64 = 2;
const CASES: u64 = 4_000;

#[test]
#[ignore = "needs root"]
fn both_programs_agree_on_every_frame() {
    let (desired, network) = (cluster::desired(), cluster::network());
    let load = || Program::load(desired.clone(), &network, Features::ALL).unwrap();
    let (mut plain, mut traced) = (load(), load());
    let vips: Vec<_> = desired.services.iter().map(|service| service.id.vip).collect();
    let mut told = 0;
    for number in 0..CASES {
        // All clients, to one VIP after the other.
        let vip = vips[number as usize % vips.len()];
        let family = if vip.is_ipv4() { 4 } else { 6 };
        let filter = TraceFilter { vip: dsr::reconcile::address(vip), family, any_client: 1, ..TraceFilter::default() };
        traced.start_trace(&filter).unwrap();
        let case = generate::case(SEED, number);
        for (index, frame) in case.frames.iter().enumerate() {
            plain.set_heartbeat(case.heartbeat(index));
            traced.set_heartbeat(case.heartbeat(index));
            let outcomes = [&plain, &traced].map(|program| program.run_uncounted(frame).unwrap());
            assert_eq!(outcomes[0], outcomes[1], "case {number}: {frame:02x?}");
        }
        told += traced.traced().len();
    }
    assert_eq!(plain.counters().unwrap(), traced.counters().unwrap());
    assert!(told > 100, "the frames that were told of are {told}");
}
