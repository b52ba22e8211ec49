//! The program and the model side by side, given the same frames.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    time::{Duration, Instant},
};

use dsr::{datapath::Features, reconcile::Sizes};
use dsr_tests::{
    generate::{Case, Rng, cluster, tracked::setup},
    heartbeat::Heartbeat,
    model::{Decision, Model},
    program::{Counter, Outcome, Program, moved},
};

use super::{invariant, refusals::Refusals};

/// Sets of the tables that remember flows.
const FLOW_SETS: u32 = 1024;
const SYN_SETS: u32 = 1024;

/// Both, and what the counters should have become.
pub(super) struct Pair {
    program: Program,
    model: Model,
    started: Instant,
    /// The program's counters when they were last compared.
    before: BTreeMap<Counter, u64>,
    /// What the model counted since.
    expected: BTreeMap<Counter, u64>,
    refusals: Refusals,
}

impl Pair {
    /// Both anew, with no frame seen.
    pub(super) fn new() -> Self {
        let (desired, network) = (cluster::desired(), cluster::network());
        let sizes = Sizes { established_sets: FLOW_SETS, embryonic_sets: SYN_SETS, ..Sizes::for_desired(&desired) };
        let mut program = Program::load_with(sizes, desired.clone(), &network, Features::ALL).unwrap();
        let mut model = Model::new(&desired, &network, Some(cluster::own())).with_sets(FLOW_SETS, SYN_SETS);
        // Some slots are tracked, so that broken packets, fragments and errors meet those too.
        for change in setup(&mut Rng::new(0, 0)) {
            program.change(&change);
            model.change(&change);
        }
        let before = program.counters().unwrap();
        Self {
            program,
            model,
            started: Instant::now(),
            before,
            expected: BTreeMap::new(),
            refusals: Refusals::default(),
        }
    }

    /// From now on the agent lives, or does not.
    pub(super) fn set_heartbeat(&mut self, heartbeat: Heartbeat) {
        self.program.set_heartbeat(heartbeat);
        self.model.set_heartbeat(heartbeat);
    }

    /// The first frame of a case of which verdict or bytes differ. The counters are only added up.
    pub(super) fn first_that_differs(&mut self, case: &Case) -> Option<usize> {
        (0..case.frames.len()).find(|index| {
            self.set_heartbeat(case.heartbeat(*index));
            self.differs(&case.frames[*index])
        })
    }

    /// Whether verdict or frame differ. The counters are only added up.
    fn differs(&mut self, frame: &[u8]) -> bool {
        let decision = self.model.decide(self.now(), frame);
        self.refusals.before(&decision);
        invariant::check(frame, &decision);
        for (counter, by) in decision.counted {
            *self.expected.entry(counter).or_insert(0) += by;
        }
        self.program.run_uncounted(frame).unwrap() != (decision.verdict, decision.frame)
    }

    /// What program and model counted since the last call, where that differs.
    pub(super) fn counters_differ(&mut self) -> Option<String> {
        let after = self.program.counters().unwrap();
        let counted = moved(&self.before, after.clone());
        let expected = std::mem::take(&mut self.expected);
        self.before = after;
        let mut text = String::new();
        for counter in counted.keys().chain(expected.keys()) {
            let (program, model) = (counted.get(counter), expected.get(counter));
            if program != model {
                let _ = write!(text, "\n  {counter:?}: program {program:?}, model {model:?}");
            }
        }
        (!text.is_empty()).then_some(text)
    }

    /// The first frame of a case on which anything differs, counters too.
    pub(super) fn first_difference(&mut self, case: &Case) -> Option<usize> {
        (0..case.frames.len()).find(|index| {
            self.set_heartbeat(case.heartbeat(*index));
            let (outcome, decision) = self.both(&case.frames[*index]);
            !agree(&outcome, &decision)
        })
    }

    /// What each of them makes of a frame, counters and all.
    pub(super) fn both(&mut self, frame: &[u8]) -> (Outcome, Decision) {
        let decision = self.model.decide(self.now(), frame);
        self.refusals.before(&decision);
        (self.program.run(frame).unwrap(), decision)
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Whether nothing differs.
pub(super) fn agree(outcome: &Outcome, decision: &Decision) -> bool {
    (outcome.verdict, &outcome.frame, &outcome.counted) == (decision.verdict, &decision.frame, &decision.counted)
}
