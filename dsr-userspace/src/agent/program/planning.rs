//! A plan may take seconds, and the agent's task does nothing else meanwhile: its heart beats between the services, and a
//! signal to end is heeded.

use std::time::{Duration, Instant};

use super::Ending;
use crate::{
    agent::Error,
    reconcile::{Dirty, Goal, PartialPlan, Tables, plan_while},
};

/// How long a plan goes on without a heartbeat.
const BEAT_EVERY: Duration = Duration::from_secs(1);

/// What a plan must not hold up.
pub(super) struct Planning<'a> {
    /// Makes the heart of the program beat that is running, if one is.
    beat: &'a dyn Fn(),
    /// How long it goes on without that.
    every: Duration,
    ending: &'a Ending,
}

impl<'a> Planning<'a> {
    /// Lets the heart beat by `beat`, and heeds `ending`.
    pub(super) fn new(beat: &'a dyn Fn(), ending: &'a Ending) -> Self {
        Self { beat, every: BEAT_EVERY, ending }
    }

    /// A plan for what may be dirty, or why there is none: the tables are full, or the agent is to end.
    pub(super) fn plan(&self, goal: &Goal<'_>, dirty: &Dirty, live: &impl Tables) -> Result<PartialPlan, Error> {
        let mut beaten = Instant::now();
        let mut keep_on = || {
            if beaten.elapsed() >= self.every {
                (self.beat)();
                beaten = Instant::now();
            }
            !self.ending.is_asked_for()
        };
        plan_while(goal, dirty, live, &mut keep_on)?.ok_or(Error::Interrupted)
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, collections::BTreeMap};

    use super::*;
    use crate::{
        config,
        model::{Health, Network, Weights},
        reconcile::{InMemory, Sizes},
    };

    const SERVICES: usize = 5;

    /// A plan for some services, with the heart's beats during it.
    fn plan(every: Duration) -> (PartialPlan, usize) {
        let services: Vec<_> =
            (1..=SERVICES).map(|port| format!("{{name: s{port}, vip: 192.0.2.10, port: {port}, pool: web}}")).collect();
        let text = format!(
            "interfaces: [eth0]\npools: {{web: {{backends: [{{name: a, address: 10.0.0.1}}]}}}}\nservices: [{}]\n",
            services.join(", ")
        );
        let desired = config::parse(&text, "dsr.yaml".as_ref()).unwrap().desired;
        let live = InMemory::new(Sizes { established_sets: 1, embryonic_sets: 1, ..Sizes::for_desired(&desired) });
        let (weights, network) = (Weights::default(), Network::default());
        let (health, devices) = (Health::default(), BTreeMap::new());
        let goal = Goal { desired: &desired, weights: &weights, network: &network, health: &health, devices: &devices };
        let (beats, ending) = (Cell::new(0), Ending::default());
        let beat = || beats.set(beats.get() + 1);
        let planning = Planning { every, ..Planning::new(&beat, &ending) };
        (planning.plan(&goal, &Dirty::all(&desired), &live).unwrap(), beats.get())
    }

    #[test]
    fn the_heart_beats_while_services_are_planned() {
        let (planned, beats) = plan(Duration::ZERO);
        assert_eq!((planned.placed.len(), beats), (SERVICES, SERVICES));
        let (_, beats) = plan(Duration::MAX);
        assert_eq!(beats, 0, "it beat although a beat was not due");
    }
}
