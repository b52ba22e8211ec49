//! Loads the program for what is wanted, beside one that runs or alone, and puts it in that one's place.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Program,
    attaching::attach,
    beat,
    interfaces::enter,
    planning::Planning,
    spec::{ProgramSpec, sizes},
    transitions::tick_seconds,
};
use crate::{
    agent::{Error, state::State},
    datapath::Datapath,
    reconcile::{Dirty, Full, Keep, Tables, apply},
};

impl Program {
    /// Loads the program anew, with tables and constants for what is wanted now, and puts it in the old one's place
    /// without a gap. What the old one has in its tables and what it counted is carried over. Until that has worked,
    /// nothing is taken from the old one.
    pub(in crate::agent) fn rebuild(&mut self, state: &mut State, full: Option<Full>) -> Result<(), Error> {
        let seed = state.config.desired.hash_seed;
        let keep = if seed == self.seed { Keep::Everything } else { Keep::Members };
        if keep == Keep::Members {
            tracing::warn!("hash_seed changed: nearly every flow moves to another backend");
        }
        // The numbers of loads go on, and the new one shares maps with the old one.
        self.restore_pins();
        let kept = self.attached(state);
        // An interface that could not be attached before does not make the load fail: it is tried again afterwards.
        let left_out = kept.iter().chain(self.unattached.keys()).cloned().collect();
        let mut fresh = self.spec(state).load(Some((&self.datapath, keep)), &left_out, full)?;
        fresh.finish(seed, tick_seconds(&state.config.desired))?;
        fresh.replace(&mut self.datapath, &kept)?;
        self.features = self.spec(state).features(Some(&self.datapath));
        self.seed = seed;
        let gone = std::mem::replace(&mut self.datapath, fresh);
        Arc::make_mut(&mut self.retired_counters).add_lost_claims(gone.lost_claims()?);
        // What it has in its tables is gone through once.
        state.soil_all();
        self.transitions.look_at_all(&state.config.desired);
        Ok(self.datapath.finish_takeover(Some(&gone))?)
    }
}

impl ProgramSpec<'_> {
    /// Loads the program with what is kept of another, and attaches it where that one is not.
    pub(super) fn load(
        &self,
        old: Option<(&Datapath, Keep)>,
        kept: &BTreeSet<String>,
        full: Option<Full>,
    ) -> Result<Datapath, Error> {
        let state = self.state;
        let mut sizes = sizes(&state.config, &state.config.desired, old.map(|(old, _)| old.sizes()));
        if let (Some(full), Some((old, _))) = (full, old)
            && old.sizes().has_tables_of(sizes)
        {
            sizes = sizes.grown(full);
        }
        let seed = state.config.desired.hash_seed;
        let features = self.features(old.map(|(old, _)| old));
        let mut fresh = Datapath::load_beside(sizes, features, seed, self.pins, old)?;
        if let Some(filter) = self.trace {
            fresh.start_trace(filter)?;
        }
        let devices = enter(&mut fresh, &state.config, &state.network)?;
        if !old.is_some_and(|(_, keep)| keep == Keep::Everything) {
            // No packet meets these tables yet.
            fresh.add_vlan_lists(&state.config.desired)?;
            let running = old.map(|(old, _)| old.maps());
            let beat = || running.iter().for_each(|maps| beat(maps));
            let planning = Planning::new(&beat, self.ending);
            match planning.plan(&state.goal(&devices), &Dirty::all(&state.config.desired), &fresh) {
                Ok(plan) => apply(&plan.changes, &mut fresh),
                Err(error) => return Err(abandon(fresh, error)),
            }
        }
        match attach(&state.config, &state.network, &mut fresh, kept) {
            Ok(()) => Ok(fresh),
            Err(error) => Err(abandon(fresh, error)),
        }
    }
}

/// Takes back a load that nothing comes of.
fn abandon(mut fresh: Datapath, error: Error) -> Error {
    fresh.abandon();
    error
}
