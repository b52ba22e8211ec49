//! The driver program: told what to run and with which flows, runs it.

use anyhow::Context as _;
use aya::{
    Ebpf,
    maps::{Array, MapData, ProgramArray},
    programs::{TestRun as _, TestRunOptions, Xdp},
};
use dsr_lab_common::bench::{self, DRIVER, DRIVERS, FLOWS, FRAME, PROGRAMS};
use rustix::time::{ClockId, clock_gettime};

use crate::{subject::Subject, traffic::Load};

/// The loaded driver.
pub(crate) struct Driver {
    ebpf: Ebpf,
    programs: ProgramArray<MapData>,
    settings: Array<MapData, bench::Driver>,
    flows: Array<MapData, u64>,
    template: bench::Driver,
}

/// What one run made of its frame.
pub(crate) struct Outcome {
    /// The XDP action.
    pub(crate) action: u32,
    /// The frame.
    pub(crate) frame: Vec<u8>,
}

impl Driver {
    /// The driver of the benchmark's object.
    pub(crate) fn new(mut ebpf: Ebpf) -> anyhow::Result<Self> {
        let mut map = |name| ebpf.take_map(name).with_context(|| format!("no map {name}"));
        Ok(Self {
            programs: map(PROGRAMS)?.try_into()?,
            settings: map(DRIVERS)?.try_into()?,
            flows: map(FLOWS)?.try_into()?,
            template: bench::Driver::default(),
            ebpf,
        })
    }

    /// Sets the flows that every run takes the next one of.
    pub(crate) fn set_load(&mut self, load: Load) -> anyhow::Result<()> {
        for (row, number) in (0..).zip(load.order()) {
            self.flows.set(row, load.word(number), 0)?;
        }
        Ok(())
    }

    /// Says which program to jump to, with frames as it is measured with.
    pub(crate) fn select(&mut self, subject: &Subject, load: Load) -> anyhow::Result<()> {
        self.template = load.driver(subject.headers);
        self.programs.set(0, &subject.program, 0)?;
        self.start_at(0)
    }

    /// Runs the selected program on the frame of the flow at this row.
    pub(crate) fn run_once(&mut self, row: u32) -> anyhow::Result<Outcome> {
        self.start_at(row)?;
        let mut frame = vec![0; 2 * FRAME];
        let result = self.program()?.test_run(TestRunOptions {
            data_in: Some(&[0; FRAME]),
            data_out: Some(&mut frame),
            ..TestRunOptions::new()
        })?;
        frame.truncate(result.data_size_out as usize);
        Ok(Outcome { action: result.return_value, frame })
    }

    /// Runs the selected program so many times; nanoseconds a run.
    ///
    /// By the CPU time of this thread: the kernel reports whole nanoseconds only, and counts the time in which it ran
    /// somebody else in the middle of a run. What the call costs once is the same for every program.
    pub(crate) fn time(&self, repeat: u32) -> anyhow::Result<f64> {
        let before = cpu_time();
        self.program()?.test_run(TestRunOptions { data_in: Some(&[0; FRAME]), repeat, ..TestRunOptions::new() })?;
        Ok((cpu_time() - before) / f64::from(repeat))
    }

    fn program(&self) -> anyhow::Result<&Xdp> {
        Ok(self.ebpf.program(DRIVER).context("no driver")?.try_into()?)
    }

    fn start_at(&mut self, row: u32) -> anyhow::Result<()> {
        Ok(self.settings.set(0, bench::Driver { next: row, ..self.template }, 0)?)
    }
}

/// Nanoseconds that this thread has run.
fn cpu_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}
