//! Rounds of timed runs, all programs taking turns, so that what else the machine does falls on all alike.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::{
    driver::Driver,
    subject::Subject,
    traffic::{Load, Segment},
};

/// How much is measured.
pub(crate) struct Effort {
    /// The loads, a column each.
    pub(crate) loads: &'static [Load],
    /// Rounds, an odd number.
    pub(crate) rounds: usize,
    /// Runs of a program in a round, unless the load has more flows.
    pub(crate) repeat: u32,
}

const fn load(flows: u32, segment: Segment) -> Load {
    Load { flows, segment }
}

impl Effort {
    /// What the documentation shows.
    pub(crate) const FULL: Self = Self {
        loads: &[
            load(1, Segment::Established),
            load(1_000, Segment::Established),
            load(100_000, Segment::Established),
            load(1_000_000, Segment::Established),
            load(100_000, Segment::Opening),
            load(1_000_000, Segment::Datagram),
        ],
        rounds: 21,
        repeat: 500_000,
    };

    /// What shows that everything works.
    pub(crate) const QUICK: Self = Self {
        loads: &[
            load(1, Segment::Established),
            load(1_000, Segment::Established),
            load(1_000, Segment::Opening),
            load(1_000, Segment::Datagram),
        ],
        rounds: 3,
        repeat: 20_000,
    };
}

/// Runs before a program is timed: its code and tables are in the caches that they fit into.
const WARM_UP: u32 = 20_000;

/// What one load cost.
pub(crate) struct Column {
    /// The load.
    pub(crate) load: Load,
    /// Nanoseconds a packet of each program, in their order.
    pub(crate) costs: Vec<Cost>,
}

/// Nanoseconds a packet, net of the subject's base.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost {
    /// The median round.
    pub(crate) median: f64,
    /// The first quartile.
    pub(crate) low: f64,
    /// The third quartile.
    pub(crate) high: f64,
    /// The median round without anything taken off.
    pub(crate) gross: f64,
}

/// The kernel counts and jumps on the CPU that the call was made on.
pub(crate) fn stay_on_one_cpu() -> rustix::io::Result<()> {
    let allowed = sched_getaffinity(None)?;
    let mut one = CpuSet::new();
    if let Some(cpu) = (0..CpuSet::MAX_CPU).rev().find(|cpu| allowed.is_set(*cpu)) {
        one.set(cpu);
    }
    sched_setaffinity(None, &one)
}

/// Measures all programs under one load.
pub(crate) fn column(driver: &mut Driver, subjects: &[Subject], load: Load, effort: &Effort) -> anyhow::Result<Column> {
    let repeat = effort.repeat.max(load.flows);
    for subject in subjects {
        // Once through all flows: what remembers flows knows them afterwards.
        driver.select(subject, load)?;
        driver.time(load.flows.max(WARM_UP))?;
    }
    let mut rounds = Vec::new();
    for round in 0..effort.rounds {
        let mut times = vec![0.0; subjects.len()];
        for turn in 0..subjects.len() {
            let index = (turn + round) % subjects.len();
            driver.select(&subjects[index], load)?;
            driver.time(WARM_UP)?;
            times[index] = driver.time(repeat)?;
        }
        rounds.push(times);
    }
    let costs = (0..subjects.len()).map(|index| Cost::new(&rounds, index, position(subjects, subjects[index].base)));
    let costs = costs.collect();
    Ok(Column { load, costs })
}

/// The subject of this name; all that are named as a base are measured.
pub(crate) fn position(subjects: &[Subject], name: &str) -> usize {
    subjects.iter().position(|subject| subject.name == name).unwrap_or_default()
}

impl Cost {
    fn new(rounds: &[Vec<f64>], index: usize, base: usize) -> Self {
        let net = sorted(rounds.iter().map(|times| times[index] - times[base]));
        let gross = sorted(rounds.iter().map(|times| times[index]));
        let at = |of: &[f64], quarters: usize| of[(of.len() - 1) * quarters / 4];
        Self { median: at(&net, 2), low: at(&net, 1), high: at(&net, 3), gross: at(&gross, 2) }
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_is_taken_off_round_by_round() {
        let rounds = [[10.0, 30.0], [50.0, 71.0], [12.0, 31.0], [11.0, 31.0], [10.0, 32.0]].map(Vec::from);
        let cost = Cost::new(&rounds, 1, 0);
        assert_eq!(cost, Cost { median: 20.0, low: 20.0, high: 21.0, gross: 31.0 });
    }
}
