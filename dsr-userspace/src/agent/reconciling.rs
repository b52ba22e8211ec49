//! The one way in which program and state are made to agree: what is dirty is planned, applied and told.

use std::sync::Arc;

use super::{Error, balancer::Balancer, program::planning::Planning, state::Dirty};
use crate::reconcile::{PartialPlan, PlacedService, apply};

impl Balancer {
    /// Makes the program's tables and attachments agree with configuration and network, as far as these have changed. Where
    /// that fails, what has changed is left to the next time.
    pub(super) fn reconcile(&mut self) -> Result<(), Error> {
        self.decide();
        let Dirty { config, links, .. } = self.state.dirty;
        // What is left of another rule for picking slots ends by itself.
        if (config || links || self.features.source) && self.spec().features(self.by_source()) != self.features {
            self.rebuild(None)?;
        }
        if config || links {
            self.follow_interfaces()?;
        }
        let planned = self.planned()?;
        if config {
            self.datapath.add_vlan_lists(&self.state.config.desired)?;
        }
        apply(&planned.changes, &mut self.datapath);
        if config {
            self.datapath.drop_vlan_lists(&self.state.config.desired)?;
        }
        tracing::debug!(changes = planned.changes.len(), "reconciled");
        self.transitions.look_at(planned.placed.iter().map(|(_, service)| service.id));
        self.place(planned.placed);
        // An interface that cannot be attached is no reason to leave out the others.
        let attached = self.attach_missing();
        self.tell_of_gone();
        self.tell_of_changes();
        attached
    }

    /// A plan for what is dirty, with a program whose tables have room for it.
    fn planned(&mut self) -> Result<PartialPlan, Error> {
        loop {
            let planning = Planning { running: Some(self.datapath.maps()), ending: &self.ending };
            let plan = planning.plan(&self.state.goal(&self.devices), &self.state.dirty.plan, &self.datapath);
            let Err(Error::Full(full)) = plan else { return plan };
            tracing::info!("{full}: reloading the program with larger tables");
            self.rebuild(Some(full))?;
            self.follow_interfaces()?;
        }
    }

    /// Tells the program of the interfaces; members whose rows name one otherwise are planned again.
    fn follow_interfaces(&mut self) -> Result<(), Error> {
        let devices = self.enter_interfaces()?;
        if self.devices != devices {
            self.devices = devices;
            self.state.soil_all();
        }
        Ok(())
    }

    /// Takes over where services are.
    fn place(&mut self, placed: Vec<(usize, PlacedService)>) {
        let layout = Arc::make_mut(&mut self.layout);
        if self.state.dirty.config {
            layout.follow(&self.state.config.desired);
            self.transitions.keep_only(&self.state.index);
        }
        for (place, service) in placed {
            layout.set(place, service);
        }
    }

    /// Tells the log, the network and the watch for claims what has changed, and forgets that it has.
    fn tell_of_changes(&mut self) {
        let Dirty { config, links, reach, .. } = std::mem::take(&mut self.state.dirty);
        if config {
            self.reach.update_all(&self.state);
        } else {
            self.reach.update(&self.state, &reach);
        }
        if config || links || self.announced.as_ref() != Some(&self.attached()) {
            self.announce();
        }
        if config || links || !reach.is_empty() {
            self.watch();
        }
        if let Some(events) = self.datapath.take_claims() {
            self.arp_watch.listen(events);
        }
    }
}
