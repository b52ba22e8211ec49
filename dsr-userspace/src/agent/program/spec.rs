//! What a program is loaded for, and what follows from it: the parts that it has to have and the sizes of its tables.

use std::sync::Arc;

use dsr_common::{
    forward::ForwardMode,
    service::{FLAG_REHASHED, FLAG_SOURCE},
    trace::TraceFilter,
};

use super::Ending;
use crate::{
    agent::state::State,
    config::Config,
    datapath::{Features, Pins},
    model::{Affinity, Desired, Network, OnAgentDeath, SINGLE_BUFFER_MTU},
    reconcile::{Sizes, Tables},
};

/// What a program is loaded for.
pub(super) struct ProgramSpec<'a> {
    pub(super) state: &'a State,
    /// What the program is to tell of.
    pub(super) trace: Option<&'a TraceFilter>,
    pub(super) pins: &'a Arc<Pins>,
    pub(super) ending: &'a Ending,
}

impl ProgramSpec<'_> {
    /// What the program has to be able to do.
    pub(super) fn features(&self, live: Option<&impl Tables>) -> Features {
        features(&self.state.config, &self.state.network, live)
    }
}

/// The sizes of tables for what is wanted with this configuration; never smaller than those that are live.
pub(in crate::agent) fn sizes(config: &Config, desired: &Desired, live: Option<Sizes>) -> Sizes {
    let flows = config.flow_table;
    let sizes = Sizes::for_desired(desired).with_flows(flows.established, flows.embryonic);
    live.map_or(sizes, |live| sizes.at_least(live))
}

/// What the program has to be able to do for this configuration on this network, and for what is left in the tables of
/// another one.
pub(in crate::agent) fn features(config: &Config, network: &Network, live: Option<&impl Tables>) -> Features {
    let services = &config.desired.services;
    let has = |affinity| services.iter().any(|service| service.affinity == affinity);
    let forwards = |is_so: fn(ForwardMode) -> bool| services.iter().any(|service| is_so(service.forward.mode()));
    Features {
        redirect: config.interfaces.len() > 1,
        vlan: true,
        ipv6: config.vips().any(|vip| vip.is_ipv6()),
        any: services.iter().any(|service| service.id.port.number().is_none()),
        jumbo: network.interfaces.values().any(|interface| interface.mtu > SINGLE_BUFFER_MTU),
        track: services.iter().any(|service| service.affinity.tracks(service.id.protocol)),
        source: has(Affinity::Source) || live.is_some_and(picks_by_source),
        remember: has(Affinity::Flow),
        heartbeat: services.iter().any(|service| service.on_agent_death == OnAgentDeath::Pass),
        vlan_lists: services.iter().any(|service| service.vlans.is_some()),
        dscp: forwards(|mode| mode == ForwardMode::Dscp),
        encapsulation: forwards(ForwardMode::encapsulates),
        multipath: services.iter().any(|service| service.forward.mode().is_routed()),
    }
}

/// Whether there is a table whose slots are picked by the client, or were until a while ago.
fn picks_by_source(live: &impl Tables) -> bool {
    let flags = |row| live.service(row).table.flags() | live.old_table(row).flags();
    (0..live.sizes().services).any(|row| flags(row) & (FLAG_SOURCE | FLAG_REHASHED) != 0)
}
