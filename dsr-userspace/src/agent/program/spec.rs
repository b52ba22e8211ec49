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
    model::{Affinity, Desired, Network, OnAgentDeath, Reach, SINGLE_BUFFER_MTU},
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
        multipath: forwards(ForwardMode::is_routed) && network.reach.values().any(is_multipath),
    }
}

/// Whether a backend is reached by several next hops.
pub(super) fn is_multipath(reach: &Reach) -> bool {
    matches!(reach, Reach::Hop(hop) if hop.path.next_hops.len() > 1)
}

/// Whether there is a table whose slots are picked by the client, or were until a while ago.
fn picks_by_source(live: &impl Tables) -> bool {
    let flags = |row| live.service(row).table.flags() | live.old_table(row).flags();
    (0..live.sizes().services).any(|row| flags(row) & (FLAG_SOURCE | FLAG_REHASHED) != 0)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, net::Ipv4Addr};

    use super::*;
    use crate::{
        config,
        model::{Hop, Mac, NextHop, RoutedPath},
        reconcile::InMemory,
    };

    /// A network in which the backend is reached by so many next hops.
    fn network(next_hops: u8) -> Network {
        let next_hop = |last| NextHop {
            ifindex: 2,
            source: Mac([2; 6]),
            destination: Mac([4, 0, 0, 0, 0, last]),
            tags: Vec::new(),
            weight: 1,
        };
        let NextHop { ifindex, source, destination, tags, .. } = next_hop(1);
        let next_hops = if next_hops > 1 { (1..=next_hops).map(next_hop).collect() } else { Vec::new() };
        let path = RoutedPath { next_hops, ..RoutedPath::default() };
        let backend = Ipv4Addr::new(10, 0, 0, 1).into();
        let reach = BTreeMap::from([(backend, Reach::Hop(Hop { ifindex, source, destination, tags, path }))]);
        Network { reach, ..Network::default() }
    }

    #[test]
    fn several_next_hops_are_a_part_of_their_own() {
        let multipath = |forward: &str, next_hops| {
            let text = format!(
                "interfaces: [eth0]\npools: {{web: {{forward: {forward}, backends: [{{name: a, address: 10.0.0.1}}]}}}}\n\
                 services: [{{name: www, vip: 192.0.2.10, port: 80, pool: web}}]\n"
            );
            let config = config::parse(&text, "dsr.yaml".as_ref()).unwrap();
            features(&config, &network(next_hops), None::<&InMemory>).multipath
        };
        assert!(multipath("gue", 2));
        assert!(!multipath("gue", 1) && !multipath("l2", 2));
    }
}
