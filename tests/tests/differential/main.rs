//! The real program against the reference model: generated frames must have the same verdict, the same bytes
//! afterwards and the same counters in both.
//!
//! `DSR_FUZZ_SEED` and `DSR_FUZZ_FRAMES` choose another run than CI's, `DSR_FUZZ_CASE` one case of the seed.
#![allow(missing_docs, clippy::unwrap_used)]

mod describe;
mod difference;
mod invariant;
mod pair;
mod reach;
mod refusals;
mod shrink;
mod traced;
mod tracked;
mod tunnels;

use std::{env, time::Instant};

use dsr_tests::generate::{self, Case};

use self::pair::Pair;

const SEED: u64 = 1;
const FRAMES: u64 = 500_000;
/// Cases that may differ for what came before them, of a whole run.
const MOST_FORGOTTEN: u32 = 10;
/// Frames after which the counters are compared: reading them takes as long as running a hundred frames.
const FRAMES_A_COUNT: usize = 500;

#[test]
#[ignore = "needs root"]
fn program_and_model_agree_on_every_frame() {
    let seed = number("DSR_FUZZ_SEED").unwrap_or(SEED);
    if let Some(number) = number("DSR_FUZZ_CASE") {
        return run(seed, &mut std::iter::once(generate::case(seed, number)), u64::MAX);
    }
    run(seed, &mut (0..).map(|number| generate::case(seed, number)), number("DSR_FUZZ_FRAMES").unwrap_or(FRAMES));
}

/// Runs cases until that many frames have been run.
fn run(seed: u64, cases: &mut dyn Iterator<Item = Case>, frames: u64) {
    let started = Instant::now();
    let mut pair = Pair::new();
    let (mut run, mut forgotten, mut uncounted) = (0, 0, Vec::<Case>::new());
    for case in cases {
        if let Some(index) = pair.first_that_differs(&case) {
            // The program's fragment table is bounded, the model's is not: a datagram that is under way among thousands
            // may be forgotten. What differs with empty tables is no such thing.
            forgotten += 1;
            let by_history = Pair::new().first_difference(&case).is_none();
            assert!(by_history && forgotten <= MOST_FORGOTTEN, "{}", difference::report(seed, &case, index));
            (pair, uncounted) = (Pair::new(), Vec::new());
            continue;
        }
        run += case.frames.len() as u64;
        uncounted.push(case);
        if uncounted.iter().map(|case| case.frames.len()).sum::<usize>() >= FRAMES_A_COUNT || run >= frames {
            check_counters(&mut pair, seed, &uncounted);
            uncounted.clear();
        }
        if run >= frames {
            break;
        }
    }
    check_counters(&mut pair, seed, &uncounted);
    eprintln!("{run} frames of seed {seed} in {:.1?}", started.elapsed());
}

/// The sum of what these cases moved; where it is wrong, the case to blame is looked for one by one.
fn check_counters(pair: &mut Pair, seed: u64, cases: &[Case]) {
    let Some(sums) = pair.counters_differ() else { return };
    for case in cases {
        if let Some(index) = Pair::new().first_difference(case) {
            panic!("{}", difference::report(seed, case, index));
        }
    }
    let numbers = (cases.first().map(|c| c.number), cases.last().map(|c| c.number));
    panic!("counters differ over cases {numbers:?} of seed {seed}, but over none of them alone: {sums}");
}

fn number(variable: &str) -> Option<u64> {
    let value = env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|error| panic!("{variable}={value}: {error}")))
}
