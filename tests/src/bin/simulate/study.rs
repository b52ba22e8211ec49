//! All runs of the study, in chapters.

use std::{
    num::NonZero,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::{
    design::Design,
    outcome::Outcome,
    run,
    scenario::{CLUSTERED, DESIGNS, PARTS, Scenario},
    workload::Workload,
};

/// A part of the study.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Chapter {
    Kinds,
    Clusters,
    Sizes,
    Timeouts,
    Parts,
}

/// A run and what came out.
pub(crate) struct Run {
    pub(crate) scenario: Scenario,
    pub(crate) outcome: Outcome,
}

/// Everything that was simulated.
pub(crate) struct Study {
    pub(crate) seed: u64,
    /// One balancer, one kind of change at a time.
    pub(crate) kinds: Vec<Run>,
    /// Clusters and pools of many sizes.
    pub(crate) clusters: Vec<Run>,
    /// Tables of many sizes, in one cluster.
    pub(crate) sizes: Vec<Run>,
    /// This design with many values of `flow_timeout`.
    pub(crate) timeouts: Vec<Run>,
    /// The shared memory with slow and bad networks, and without parts of it.
    pub(crate) parts: Vec<Run>,
}

impl Study {
    /// Simulates all or one chapter, on all CPUs; `tell` hears of each run before it begins.
    pub(crate) fn new(workload: Workload, seed: u64, only: Option<Chapter>, tell: impl Fn(&Scenario) + Sync) -> Self {
        let (sizes, size_designs) = Scenario::sizes(workload);
        let (timeouts, timeout_designs) = Scenario::timeouts(workload);
        let others = CLUSTERED.into_iter().filter(|design| !DESIGNS.contains(design));
        let all: Vec<_> = DESIGNS.into_iter().chain(others).collect();
        let parts = PARTS.map(|(_, design)| design);
        let chapters: [(Chapter, Vec<Scenario>, &[Design]); 5] = [
            (Chapter::Kinds, Scenario::kinds(workload), &DESIGNS),
            (Chapter::Clusters, Scenario::clusters(workload), &all),
            (Chapter::Sizes, vec![sizes], &size_designs),
            (Chapter::Timeouts, timeouts, &timeout_designs),
            (Chapter::Parts, Scenario::parts(workload), &parts),
        ];
        let [kinds, clusters, sizes, timeouts, parts] = chapters.map(|(chapter, mut scenarios, designs)| {
            if only.is_some_and(|only| only != chapter) {
                scenarios.clear();
            }
            run_all(scenarios, |scenario| {
                tell(scenario);
                run::run(scenario, designs, seed)
            })
        });
        Self { seed, kinds, clusters, sizes, timeouts, parts }
    }

    /// Every run.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &Run> {
        [&self.kinds, &self.clusters, &self.sizes, &self.timeouts, &self.parts].into_iter().flatten()
    }
}

/// Makes runs, as many at a time as there are CPUs. They come out in the order of their scenarios.
fn run_all(scenarios: Vec<Scenario>, run: impl Fn(&Scenario) -> Outcome + Sync) -> Vec<Run> {
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(scenario) = scenarios.get(index) else { return };
            let outcome = run(scenario);
            outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((index, outcome));
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(work);
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_unstable_by_key(|(index, _)| *index);
    scenarios.into_iter().zip(outcomes).map(|(scenario, (_, outcome))| Run { scenario, outcome }).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ecmp::Spread;

    #[test]
    fn runs_come_out_in_the_order_of_their_scenarios() {
        let scenario = |backends| Scenario::cluster(Workload::QUICK, 1, backends, Spread::Resilient);
        let runs = run_all((0..9).map(scenario).collect(), |scenario| {
            // The first take longest.
            thread::sleep(Duration::from_millis(9 - scenario.backends as u64));
            Outcome { flows: scenario.backends as u64, ..Outcome::new(&[]) }
        });
        assert_eq!(runs.len(), 9);
        assert!(runs.iter().all(|run| run.outcome.flows == run.scenario.backends as u64));
    }
}
