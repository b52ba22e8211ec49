//! The program against the model, on generated frames: the same verdict, the same bytes, the same counts.
//!
//! `DSR_FUZZ_SEED` and `DSR_FUZZ_FRAMES` choose another run than CI's.

use std::{collections::BTreeMap, env};

use dsr::model::Tunnels;
use dsr_common::backend::Reason;
use dsr_tests::generate::Rng;

use super::{
    keyed, model, own, packets,
    program::{Program, verdict},
    tunnels,
};

const SEED: u64 = 1;
const FRAMES: u64 = 200_000;

#[test]
#[ignore = "needs root"]
fn backend_program_and_model_agree_on_every_frame() {
    let number = |name| env::var(name).ok().and_then(|text| text.parse().ok());
    let (seed, frames) = (number("DSR_FUZZ_SEED").unwrap_or(SEED), number("DSR_FUZZ_FRAMES").unwrap_or(FRAMES));
    let only_prefixes = Tunnels { balancers: super::prefixes().to_vec(), ..tunnels() };
    let only_gue = Tunnels { ipip: false, gre: None, dscp: BTreeMap::new(), ..tunnels() };
    for tunnels in [tunnels(), keyed(), only_prefixes, only_gue] {
        let reached = agree(&tunnels, seed, frames / 4);
        // What a frame can end for with these tunnels; the kernel's refusal needs a kernel that refuses.
        let expected = Reason::ALL.iter().filter(|reason| match reason {
            Reason::DropAdjust => false,
            Reason::DecapIpip => tunnels.ipip,
            Reason::DecapGre => tunnels.gre.is_some(),
            Reason::RestoreDscp => !tunnels.dscp.is_empty(),
            _ => true,
        });
        let missed: Vec<_> = expected.filter(|reason| !reached.contains_key(reason.label())).collect();
        assert!(missed.is_empty(), "no frame ended for {missed:?}: {reached:?}");
    }
}

/// Runs frames through both; gives how many ended for each reason.
fn agree(tunnels: &Tunnels, seed: u64, frames: u64) -> BTreeMap<&'static str, u64> {
    let (program, own) = (Program::load(tunnels), own());
    let (before, mut reached) = (program.counts(), BTreeMap::new());
    for number in 0..frames {
        let frame = packets::frame(&mut Rng::new(seed, number));
        let (reason, after) = model::decide(tunnels, &own, &frame);
        let expected = (verdict(reason), after);
        let outcome = program.run_uncounted(&frame);
        assert!(
            outcome == expected,
            "seed {seed}, frame {number}, {tunnels:?}\n   frame {}\nprogram {:?} {}\n  model {reason:?} {}",
            hexadecimal(&frame),
            outcome.0,
            hexadecimal(&outcome.1),
            hexadecimal(&expected.1),
        );
        *reached.entry(reason.label()).or_default() += 1;
    }
    let moved = program.counts().into_iter().map(|(label, count)| (label, count - before[label]));
    assert_eq!(moved.filter(|(_, count)| *count != 0).collect::<BTreeMap<_, _>>(), reached, "seed {seed}");
    reached
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
