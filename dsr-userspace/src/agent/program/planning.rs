//! A plan may take seconds, and the agent's task does nothing else meanwhile: its heart beats between the services, and a
//! signal to end is heeded.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::Ending;
use crate::{
    agent::Error,
    datapath::Maps,
    reconcile::{Dirty, Goal, PartialPlan, Tables, plan_while},
};

/// How long a plan goes on without a heartbeat.
const BEAT_EVERY: Duration = Duration::from_secs(1);

/// What a plan must not hold up.
pub(super) struct Planning<'a> {
    /// The maps of the program that is running, if one is.
    pub(super) running: Option<Arc<Maps>>,
    pub(super) ending: &'a Ending,
}

impl Planning<'_> {
    /// A plan for what may be dirty, or why there is none: the tables are full, or the agent is to end.
    pub(super) fn plan(&self, goal: &Goal<'_>, dirty: &Dirty, live: &impl Tables) -> Result<PartialPlan, Error> {
        let mut beaten = Instant::now();
        let mut keep_on = || {
            if beaten.elapsed() >= BEAT_EVERY {
                self.running.iter().for_each(|maps| maps.beat());
                beaten = Instant::now();
            }
            !self.ending.is_asked_for()
        };
        plan_while(goal, dirty, live, &mut keep_on)?.ok_or(Error::Interrupted)
    }
}
