//! The real program, run on frames.

use std::collections::BTreeMap;

use aya::{TestRun as _, programs::TestRunOptions};
use dsr::{
    datapath::{BackendCounters, BackendProgram},
    model::Tunnels,
};
use dsr_common::backend::Reason;
use dsr_tests::program::Verdict;

pub(crate) struct Program {
    program: BackendProgram,
    counters: BackendCounters,
}

impl Program {
    /// Loads the program for these tunnels, and tells it the host's addresses.
    pub(crate) fn load(tunnels: &Tunnels) -> Self {
        let mut program = BackendProgram::load(tunnels, None).unwrap();
        program.set_own(&super::own()).unwrap();
        let counters = program.counters().unwrap();
        Self { program, counters }
    }

    /// Runs one frame: the verdict, the frame afterwards, and the reason that was counted.
    pub(crate) fn run(&self, frame: &[u8]) -> (Verdict, Vec<u8>, Reason) {
        let before = self.counts();
        let (verdict, frame) = self.run_uncounted(frame);
        let moved: Vec<_> = self.counts().into_iter().filter(|(label, count)| before[label] != *count).collect();
        let [(label, count)] = moved[..] else { panic!("not one reason was counted: {moved:?}") };
        assert_eq!(count, before[label] + 1);
        (verdict, frame, *Reason::ALL.iter().find(|reason| reason.label() == label).unwrap())
    }

    /// The same without a look at the counters, which takes far longer than the run.
    pub(crate) fn run_uncounted(&self, frame: &[u8]) -> (Verdict, Vec<u8>) {
        let mut out = vec![0; frame.len() + 256];
        let options = TestRunOptions { data_in: Some(frame), data_out: Some(&mut out), ..TestRunOptions::new() };
        let result = self.program.program().unwrap().test_run(options).unwrap();
        out.truncate(result.data_size_out as usize);
        let verdict = match result.return_value {
            1 => Verdict::Drop,
            2 => Verdict::Pass,
            3 => Verdict::Tx,
            4 => Verdict::Redirect,
            _ => Verdict::Aborted,
        };
        (verdict, out)
    }

    /// Every counter, as it stands.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        Reason::ALL.iter().map(|reason| (reason.label(), self.counters.count(*reason).unwrap())).collect()
    }
}

/// The verdict that belongs to a reason.
pub(crate) fn verdict(reason: Reason) -> Verdict {
    if reason.label().starts_with("drop_") { Verdict::Drop } else { Verdict::Pass }
}
