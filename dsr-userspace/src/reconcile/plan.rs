//! The plan: desired x observed (network, health) x live -> changes. Pure.
//!
//! A plan is made for the services that an event touched ([`Dirty`]): what it costs is what these cost. A plan for all is
//! the same with all of them. Order of the changes: members, slots, services, VIPs; then what is removed, the other way
//! round. A service whose members need more room is moved to a copy of them first. So a packet meets nothing half made,
//! whenever it comes.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use dsr_common::{hash::HashKeys, service::ServiceKey};

use super::{
    change::Change,
    kind::service_key,
    layout::{Full, Layout, PlacedService, Plan},
    member,
    planner::Planner,
    tables::Tables,
};
use crate::model::{Desired, Health, Network, Weights};

/// What the tables are to agree with.
#[derive(Clone, Copy, Debug)]
pub struct Goal<'a> {
    /// The services.
    pub desired: &'a Desired,
    /// The weights that count.
    pub weights: &'a Weights,
    /// How backends are reached.
    pub network: &'a Network,
    /// What they may get.
    pub health: &'a Health,
    /// The device map's row of an interface, by its index.
    pub devices: &'a BTreeMap<u32, u32>,
}

/// What of a [`Goal`] the tables may not agree with. All else is live as it was planned before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dirty {
    /// Services, by their places in [`Desired::services`].
    pub services: BTreeSet<usize>,
    /// Whether services or VIPs came, went or changed, so that the service table is gone through. New services are in
    /// `services` too.
    pub table: bool,
}

impl Dirty {
    /// Everything.
    pub fn all(desired: &Desired) -> Self {
        Self { services: (0..desired.services.len()).collect(), table: true }
    }

    /// Whether there is nothing to plan.
    pub fn is_empty(&self) -> bool {
        self.services.is_empty() && !self.table
    }
}

/// A plan for some services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartialPlan {
    /// The changes, to be made in this order.
    pub changes: Vec<Change>,
    /// Where these services are once they are made, each with its place in [`Desired::services`].
    pub placed: Vec<(usize, PlacedService)>,
}

/// Compares all that is desired with what is live. `devices` gives the device map's row for an interface index.
pub fn plan(
    desired: &Desired,
    network: &Network,
    health: &Health,
    devices: &BTreeMap<u32, u32>,
    live: &impl Tables,
) -> Result<Plan, Full> {
    let goal = Goal { desired, weights: &Weights::default(), network, health, devices };
    let PartialPlan { changes, placed } = plan_dirty(&goal, &Dirty::all(desired), live)?;
    let layout = Layout { services: placed.into_iter().map(|(_, service)| Arc::new(service)).collect() };
    Ok(Plan { changes, layout })
}

/// Compares what may be dirty with what is live.
pub fn plan_dirty(goal: &Goal<'_>, dirty: &Dirty, live: &impl Tables) -> Result<PartialPlan, Full> {
    Ok(plan_while(goal, dirty, live, &mut || true)?.unwrap_or_default())
}

/// The same for as long as `keep_on`, which is asked before each service, says so; nothing where it said no.
pub fn plan_while(
    goal: &Goal<'_>,
    dirty: &Dirty,
    live: &impl Tables,
    keep_on: &mut dyn FnMut() -> bool,
) -> Result<Option<PartialPlan>, Full> {
    let keys = HashKeys::from_seed(goal.desired.hash_seed);
    let mut planner = Planner::new(goal, live, &keys);
    let mut placed = Vec::with_capacity(dirty.services.len());
    for index in &dirty.services {
        if !keep_on() {
            return Ok(None);
        }
        if let Some(service) = goal.desired.services.get(*index) {
            placed.push((*index, planner.service(service)?));
        }
    }
    if dirty.table {
        planner.vips()?;
        planner.remove_others(&wanted(goal.desired));
    }
    Ok(Some(PartialPlan { changes: planner.changes(), placed }))
}

/// What the service table holds of what is desired.
fn wanted(desired: &Desired) -> HashSet<(dsr_common::address::Address, ServiceKey)> {
    let ids = desired.services.iter().map(|service| service.id);
    ids.flat_map(|id| [service_key(id), (member::address(id.vip), ServiceKey::vip(member::family(id.vip)))]).collect()
}
