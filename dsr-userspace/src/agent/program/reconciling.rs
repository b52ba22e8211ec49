//! Tables and attachments are made to agree with the state: what is dirty is planned and applied.

use std::sync::Arc;

use super::{Program, beat, planning::Planning, spec::is_multipath};
use crate::{
    agent::{
        Error,
        state::{Dirty, State},
    },
    datapath::{Datapath, Features},
    reconcile::{PartialPlan, PlacedService, apply},
};

impl Program {
    /// Makes tables and interfaces agree with configuration and network, as far as these have changed. Where that fails,
    /// what has changed is left to the next time.
    pub(in crate::agent) fn reconcile(&mut self, state: &mut State) -> Result<(), Error> {
        let Dirty { config, links, .. } = state.dirty;
        if self.needs_other_program(state) {
            self.rebuild(state, None)?;
        }
        if config || links {
            self.follow_interfaces(state)?;
        }
        state.dirty.plan.services.extend(self.next_hops.places(state));
        let planned = self.planned(state)?;
        if config {
            self.datapath.add_vlan_lists(&state.config.desired)?;
        }
        apply(&planned.changes, &mut self.datapath);
        if config {
            self.datapath.drop_vlan_lists(&state.config.desired)?;
        }
        tracing::debug!(changes = planned.changes.len(), "reconciled");
        self.transitions.look_at(planned.placed.iter().map(|(_, service)| service.id));
        self.next_hops.update(state, &planned.placed);
        self.place(planned.placed, state);
        Ok(())
    }

    /// Whether the program lacks a part that is wanted, or has one that is not.
    fn needs_other_program(&self, state: &State) -> bool {
        let Dirty { config, links, ref reach, .. } = state.dirty;
        let mut reach = reach.iter().filter_map(|to| state.network.reach.get(to));
        let comes_multipath = !self.features.multipath && reach.any(is_multipath);
        // What is left of another rule for picking slots ends by itself.
        if !(config || links || self.features.source || comes_multipath) {
            return false;
        }
        let wanted = self.spec(state).features(self.by_source());
        // A route whose other next hops are gone may get them back at any time.
        let multipath = wanted.multipath || self.features.multipath && !config;
        Features { multipath, ..wanted } != self.features
    }

    /// The tables, where there may be slots that the client alone picks.
    fn by_source(&self) -> Option<&Datapath> {
        self.features.source.then_some(&self.datapath)
    }

    /// A plan for what is dirty, with a program whose tables have room for it.
    fn planned(&mut self, state: &mut State) -> Result<PartialPlan, Error> {
        loop {
            let maps = self.datapath.maps();
            let beat = || beat(&maps);
            let planning = Planning::new(&beat, &self.ending);
            let plan = planning.plan(&state.goal(&self.devices), &state.dirty.plan, &self.datapath);
            let Err(Error::Full(full)) = plan else { return plan };
            tracing::info!("{full}: reloading the program with larger tables");
            self.rebuild(state, Some(full))?;
            self.follow_interfaces(state)?;
        }
    }

    /// Tells the program of the interfaces; members whose rows name one otherwise are planned again.
    fn follow_interfaces(&mut self, state: &mut State) -> Result<(), Error> {
        let devices = self.enter_interfaces(state)?;
        if self.devices != devices {
            self.devices = devices;
            state.soil_all();
        }
        Ok(())
    }

    /// Takes over where services are.
    fn place(&mut self, placed: Vec<(usize, PlacedService)>, state: &State) {
        let layout = Arc::make_mut(&mut self.layout);
        if state.dirty.config {
            layout.follow(&state.config.desired);
            self.transitions.keep_only(&state.index);
        }
        for (place, service) in placed {
            layout.set(place, service);
        }
    }
}
