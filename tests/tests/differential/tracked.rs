//! The same for tracked slots: flows whose packets come again and again while their slots change. Tables are so small that
//! flows give way to each other.

use std::{collections::BTreeMap, env, fmt::Write as _, time::Duration};

use dsr::{datapath::Features, reconcile::Sizes};
use dsr_common::stats::Tracking;
use dsr_tests::{
    generate::{
        Rng, cluster,
        tracked::{Step, setup, step},
    },
    model::Model,
    program::{Counter, Program, moved},
    tracked::Change,
};

use super::describe::{hex, line};

const SEED: u64 = 1;
const FRAMES: usize = 250_000;
/// Sets of the tables.
const FLOW_SETS: u32 = 32;
const SYN_SETS: u32 = 64;
/// Frames after which the counters are compared.
const WINDOW: usize = 500;
/// How often each way of treating a flow has to have been met.
const LEAST: u64 = 200;

#[test]
#[ignore = "needs root"]
fn program_and_model_agree_on_every_flow() {
    let seed = number("DSR_FUZZ_SEED").unwrap_or(SEED);
    let frames = number("DSR_FUZZ_FRAMES").map_or(FRAMES, |frames| frames as usize);
    let counted = match run(seed, frames, usize::MAX) {
        Ok(counted) => counted,
        // Which frame of those since the last look at the counters it was takes a look at each.
        Err(Difference { window, text }) => match run(seed, frames, window) {
            Err(Difference { text, .. }) => panic!("seed {seed}: {text}"),
            Ok(_) => panic!("seed {seed}, not met again: {text}"),
        },
    };
    for tracking in Tracking::ALL {
        let count = counted.get(&Counter::Tracking(tracking.label())).copied().unwrap_or(0);
        assert!(count >= LEAST || frames < FRAMES, "{tracking:?} was met only {count} times");
    }
    eprintln!("{frames} frames of seed {seed}: {counted:?}");
}

/// What differs, and the first frame that it may be because of.
struct Difference {
    window: usize,
    text: String,
}

/// Runs so many frames; from frame `each` on the counters are compared after each of them. What was counted of
/// tracking, where nothing differs.
fn run(seed: u64, frames: usize, each: usize) -> Result<BTreeMap<Counter, u64>, Difference> {
    let mut rng = Rng::new(seed, 0);
    let mut pair = Pair::new();
    pair.change(&setup(&mut rng));
    let (mut number, mut window) = (0, 0);
    while number < frames {
        let frame = match step(&mut rng) {
            Step::Frame(frame) => frame,
            Step::Changes(changes) => {
                pair.change(&changes);
                continue;
            }
        };
        let mut differs = pair.frame_differs(&frame);
        if differs.is_none() && (number >= each || number % WINDOW == WINDOW - 1) {
            differs = pair.counters_differ();
            window = if differs.is_none() { number + 1 } else { window };
        }
        if let Some(how) = differs {
            return Err(Difference { window, text: format!("frame {number}: {}{}{how}", line(&frame), hex(&frame)) });
        }
        number += 1;
    }
    pair.sums.retain(|counter, _| matches!(counter, Counter::Tracking(_)));
    Ok(pair.sums)
}

/// The program and the model side by side.
struct Pair {
    program: Program,
    model: Model,
    /// The program's counters when they were last compared, what the model counted since, and all that was counted.
    before: BTreeMap<Counter, u64>,
    expected: BTreeMap<Counter, u64>,
    sums: BTreeMap<Counter, u64>,
}

impl Pair {
    fn new() -> Self {
        let (desired, network) = (cluster::desired(), cluster::network());
        let sizes = Sizes { established_sets: FLOW_SETS, embryonic_sets: SYN_SETS, ..Sizes::for_desired(&desired) };
        let model = Model::new(&desired, &network, Some(cluster::own())).with_sets(FLOW_SETS, SYN_SETS);
        let program = Program::load_with(sizes, desired, &network, Features::ALL).unwrap();
        let before = program.counters().unwrap();
        Self { program, model, before, expected: BTreeMap::new(), sums: BTreeMap::new() }
    }

    fn change(&mut self, changes: &[Change]) {
        for change in changes {
            self.program.change(change);
            self.model.change(change);
        }
    }

    fn frame_differs(&mut self, frame: &[u8]) -> Option<String> {
        let decision = self.model.decide(Duration::ZERO, frame);
        for (counter, by) in &decision.counted {
            *self.expected.entry(counter.clone()).or_insert(0) += by;
        }
        let (verdict, after) = self.program.run_uncounted(frame).unwrap();
        let same = (verdict, &after) == (decision.verdict, &decision.frame);
        (!same).then(|| format!("\n  program: {verdict:?}{}\n  model: {decision:?}", hex(&after)))
    }

    fn counters_differ(&mut self) -> Option<String> {
        let after = self.program.counters().unwrap();
        let counted = moved(&self.before, after.clone());
        let expected = std::mem::take(&mut self.expected);
        if counted != expected {
            return Some(format!("\n  counted: {}", differing(&counted, &expected)));
        }
        for (counter, by) in counted {
            *self.sums.entry(counter).or_insert(0) += by;
        }
        self.before = after;
        None
    }
}

fn differing(program: &BTreeMap<Counter, u64>, model: &BTreeMap<Counter, u64>) -> String {
    let mut text = String::new();
    for counter in program.keys().chain(model.keys()).filter(|counter| program.get(counter) != model.get(counter)) {
        let _ = write!(text, "\n    {counter:?}: program {:?}, model {:?}", program.get(counter), model.get(counter));
    }
    text
}

fn number(variable: &str) -> Option<u64> {
    let value = env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|error| panic!("{variable}={value}: {error}")))
}
