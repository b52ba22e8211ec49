//! Loads the program for what is wanted: the first time, in the place of what another agent left, or of the own one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use dsr_common::{
    forward::ForwardMode,
    service::{FLAG_REHASHED, FLAG_SOURCE},
    trace::TraceFilter,
};

use super::{interfaces::enter, planning::Planning, transitions::tick_seconds};
use crate::{
    agent::{
        Error,
        signals::Ending,
        state::{State, intent::Intent},
    },
    config::{Config, XdpMode},
    datapath::{self, Datapath, Features, Mode, Pins, Predecessor},
    model::{Affinity, Desired, Health, Network, OnAgentDeath, SINGLE_BUFFER_MTU},
    reconcile::{Dirty, Full, Goal, Keep, Sizes, Tables, apply},
};

/// What a program is loaded for.
pub(in crate::agent) struct ProgramSpec<'a> {
    pub(in crate::agent) config: &'a Config,
    pub(in crate::agent) intent: &'a Intent,
    pub(in crate::agent) network: &'a Network,
    pub(in crate::agent) health: &'a Health,
    /// What the program is to tell of.
    pub(in crate::agent) trace: Option<&'a TraceFilter>,
    pub(in crate::agent) pins: &'a Arc<Pins>,
    pub(in crate::agent) ending: &'a Ending,
}

impl<'a> ProgramSpec<'a> {
    /// For this state.
    pub(in crate::agent) fn of(
        state: &'a State,
        trace: Option<&'a TraceFilter>,
        pins: &'a Arc<Pins>,
        ending: &'a Ending,
    ) -> Self {
        let State { config, intent, network, decision, .. } = state;
        ProgramSpec { config, intent, network, health: &decision.health, trace, pins, ending }
    }

    /// The first load of an agent, in the place of what another one left.
    pub(in crate::agent) fn first(&self, predecessor: &mut Predecessor) -> Result<Datapath, Error> {
        if predecessor.is_other_layout {
            tracing::warn!(
                "the previous agent's tables have another layout: the program is replaced without interruption, but \
                 counters start at zero and tracked flows are lost"
            );
        }
        if predecessor.keep == Some(Keep::Members) {
            tracing::warn!("the previous agent used another hash_seed: nearly every flow moves to another backend");
        }
        let kept = predecessor.attached(&self.network.interfaces);
        let kept: BTreeSet<String> = self.config.interfaces().into_iter().filter(|name| kept.contains(name)).collect();
        let mut fresh = self.load(predecessor.tables.as_ref().zip(predecessor.keep), &kept, None)?;
        fresh.finish(self.config.desired.hash_seed, tick_seconds(&self.config.desired))?;
        fresh.take_over_from(predecessor, &kept)?;
        fresh.finish_takeover(predecessor.tables.as_ref())?;
        if !kept.is_empty() {
            tracing::info!(
                interfaces = kept.iter().cloned().collect::<Vec<_>>().join(","),
                "took over from a terminated agent"
            );
        }
        Ok(fresh)
    }

    /// After a first load that failed: nothing stays behind that was not there.
    pub(in crate::agent) fn roll_back_start(&self, predecessor: &Predecessor) {
        if predecessor.tables.is_none()
            && !predecessor.is_other_layout
            && let Err(error) = self.pins.remove()
        {
            tracing::warn!(%error, "pins stay behind");
        }
    }

    /// Loads the program with what is kept of another, and attaches it where that one is not.
    pub(in crate::agent) fn load(
        &self,
        old: Option<(&Datapath, Keep)>,
        kept: &BTreeSet<String>,
        full: Option<Full>,
    ) -> Result<Datapath, Error> {
        let mut sizes = sizes(self.config, &self.config.desired, old.map(|(old, _)| old.sizes()));
        if let (Some(full), Some((old, _))) = (full, old)
            && old.sizes().has_tables_of(sizes)
        {
            sizes = sizes.grown(full);
        }
        let seed = self.config.desired.hash_seed;
        let features = self.features(old.map(|(old, _)| old));
        let mut fresh = Datapath::load_beside(sizes, features, seed, self.pins, old)?;
        if let Some(filter) = self.trace {
            fresh.start_trace(filter)?;
        }
        let devices = enter(&mut fresh, self.config, self.network)?;
        if !old.is_some_and(|(_, keep)| keep == Keep::Everything) {
            // No packet meets these tables yet.
            fresh.add_vlan_lists(&self.config.desired)?;
            let planning = Planning { running: old.map(|(old, _)| old.maps()), ending: self.ending };
            match planning.plan(&self.goal(&devices), &Dirty::all(&self.config.desired), &fresh) {
                Ok(plan) => apply(&plan.changes, &mut fresh),
                Err(error) => return Err(abandon(fresh, error)),
            }
        }
        match attach(self.config, self.network, &mut fresh, kept) {
            Ok(()) => Ok(fresh),
            Err(error) => Err(abandon(fresh, error)),
        }
    }

    fn goal<'b>(&'b self, devices: &'b BTreeMap<u32, u32>) -> Goal<'b> {
        let (desired, weights) = (&self.config.desired, self.intent.weights());
        Goal { desired, weights, network: self.network, health: self.health, devices }
    }

    /// What the program has to be able to do.
    pub(in crate::agent) fn features(&self, live: Option<&impl Tables>) -> Features {
        features(self.config, self.network, live)
    }
}

/// Takes back a load that nothing comes of.
fn abandon(mut fresh: Datapath, error: Error) -> Error {
    fresh.abandon();
    error
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

/// Attaches the program to the interfaces that are not in `attached`.
fn attach(
    config: &Config,
    network: &Network,
    datapath: &mut Datapath,
    attached: &BTreeSet<String>,
) -> Result<(), Error> {
    let mut names = config.interfaces().into_iter().filter(|name| !attached.contains(name));
    names.try_for_each(|name| attach_to(&name, config, network, datapath))
}

/// Attaches the program to an interface, if that exists.
pub(in crate::agent) fn attach_to(
    name: &str,
    config: &Config,
    network: &Network,
    datapath: &mut Datapath,
) -> Result<(), Error> {
    let Some(interface) = network.interfaces.get(name) else { return Ok(()) };
    let attached = datapath.attach(name, interface.ifindex, config.xdp_mode == XdpMode::GenericAllowed);
    match attached.map_err(|error| about_bond(error, network))? {
        Mode::Native => tracing::info!(interface = name, "attached natively"),
        Mode::Generic => tracing::warn!(
            interface = name,
            "attached in GENERIC mode, which is several times slower: the driver has no native XDP"
        ),
    }
    Ok(())
}

/// What is refused to a bond may be given to its ports.
fn about_bond(error: datapath::Error, network: &Network) -> datapath::Error {
    let datapath::Error::Attach { interface, reason } = error else { return error };
    let ports = network.ports.values().filter(|port| port.bond == interface).map(|port| port.name.as_str());
    let ports = ports.collect::<Vec<_>>().join(", ");
    let reason = if ports.is_empty() {
        reason
    } else {
        format!(
            "{reason}; a bond needs native XDP in its mode and all its ports: otherwise list its ports instead, \
             `interfaces: [{ports}]`"
        )
    };
    datapath::Error::Attach { interface, reason }
}
