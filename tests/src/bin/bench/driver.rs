//! The driver program: told what to run and with which flows, runs it.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use aya::{
    Ebpf,
    maps::{Array, MapData, ProgramArray},
    programs::{ProgramFd, TestRun as _, TestRunOptions, Xdp},
};
use dsr_common::bench::{self, DRIVER, DRIVERS, FLOWS, FRAME, PROGRAMS};

use crate::traffic::Load;

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
        self.template = bench::Driver { template: load.template(), flows: load.flows, ..bench::Driver::default() };
        self.start_at(0)
    }

    /// Says which program to jump to.
    pub(crate) fn select(&mut self, program: &ProgramFd) -> anyhow::Result<()> {
        Ok(self.programs.set(0, program, 0)?)
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
    pub(crate) fn time(&self, repeat: u32) -> anyhow::Result<f64> {
        let started = Instant::now();
        let result =
            self.program()?.test_run(TestRunOptions { data_in: Some(&[0; FRAME]), repeat, ..TestRunOptions::new() })?;
        Ok(refine(result.duration, started.elapsed(), repeat))
    }

    fn program(&self) -> anyhow::Result<&Xdp> {
        Ok(self.ebpf.program(DRIVER).context("no driver")?.try_into()?)
    }

    fn start_at(&mut self, row: u32) -> anyhow::Result<()> {
        Ok(self.settings.set(0, bench::Driver { next: row, ..self.template }, 0)?)
    }
}

/// The kernel gives whole nanoseconds a run, without the time in which it let others run. Where the clock around the
/// call agrees, nobody else ran, and its fraction is true.
fn refine(kernel: Duration, call: Duration, repeat: u32) -> f64 {
    let (whole, exact) = (kernel.as_nanos() as f64, call.as_nanos() as f64 / f64::from(repeat));
    if (whole..whole + 1.0).contains(&exact) { exact } else { whole + 0.5 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_only_adds_a_fraction() {
        let nanos = Duration::from_nanos;
        assert!((refine(nanos(12), nanos(12_250), 1000) - 12.25).abs() < 1e-9);
        assert!((refine(nanos(12), nanos(90_000), 1000) - 12.5).abs() < 1e-9);
    }
}
