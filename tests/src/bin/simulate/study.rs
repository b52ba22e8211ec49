//! All runs of the study, in chapters.

use crate::{
    design::Design,
    outcome::Outcome,
    run,
    scenario::{DESIGNS, Scenario},
    workload::Workload,
};

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
    pub(crate) sizes: Run,
    /// This design with many values of `flow_timeout`.
    pub(crate) timeouts: Vec<Run>,
}

impl Study {
    /// Simulates all; `tell` hears of each run before it begins.
    pub(crate) fn new(workload: Workload, seed: u64, mut tell: impl FnMut(&Scenario)) -> Self {
        let mut run = |scenario: Scenario, designs: &[Design]| {
            tell(&scenario);
            let outcome = run::run(&scenario, designs, seed);
            Run { scenario, outcome }
        };
        let (scenario, designs) = Scenario::sizes(workload);
        let (clusters, timeouts) = Scenario::timeouts(workload);
        Self {
            seed,
            kinds: Scenario::kinds(workload).into_iter().map(|scenario| run(scenario, &DESIGNS)).collect(),
            clusters: Scenario::clusters(workload).into_iter().map(|scenario| run(scenario, &DESIGNS)).collect(),
            sizes: run(scenario, &designs),
            timeouts: clusters.into_iter().map(|scenario| run(scenario, &timeouts)).collect(),
        }
    }

    /// Every run.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &Run> {
        self.kinds.iter().chain(&self.clusters).chain([&self.sizes]).chain(&self.timeouts)
    }
}
