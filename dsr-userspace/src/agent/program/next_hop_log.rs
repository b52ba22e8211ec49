//! Tells the operator when backends are behind more distinct sets of next hops than the program has room for.

use std::collections::BTreeSet;

use crate::{
    agent::state::State,
    model::ServiceId,
    reconcile::{GROUPS_MAX, PlacedService},
};

/// The services with such backends.
#[derive(Debug, Default)]
pub(super) struct NextHopLog(BTreeSet<ServiceId>);

/// What is wrong, as log and status say it.
pub(in crate::agent) const REMEDY: &str = "reach backends through the same routers with the same weights, which share a group, or spread pools over balancers";

impl NextHopLog {
    /// Follows a plan, and forgets services that are gone.
    pub(super) fn update(&mut self, state: &State, placed: &[(usize, PlacedService)]) {
        self.0.retain(|id| state.index.place(*id).is_some());
        for (_, service) in placed {
            let ungrouped = ungrouped(service);
            if ungrouped == 0 {
                if self.0.remove(&service.id) {
                    tracing::info!(service = %service.id, "all next hops of the routes to the service's backends are used");
                }
            } else if self.0.insert(service.id) {
                tracing::error!(
                    service = %service.id,
                    backends = ungrouped,
                    "packets to these backends use only the first next hop of their route: all {GROUPS_MAX} groups of next \
                     hops are in use: {REMEDY}"
                );
            }
        }
    }

    /// The places of these services, for which a group may be free now.
    pub(super) fn places(&self, state: &State) -> BTreeSet<usize> {
        self.0.iter().filter_map(|id| state.index.place(*id)).collect()
    }
}

/// How many of a service's members use only the first of their next hops.
pub(in crate::agent) fn ungrouped(service: &PlacedService) -> usize {
    service.members.iter().filter(|member| member.ungrouped).count()
}
