//! Interfaces that the program is not attached to: attached when possible, each without regard to the others.

use std::collections::{BTreeMap, BTreeSet};

use super::Program;
use crate::{
    agent::{Error, state::State},
    config::{Config, XdpMode},
    datapath::{self, Datapath, Mode},
    model::Network,
};

/// Why the program is not attached, by the name of the interface.
pub(super) type Unattached = BTreeMap<String, Failure>;

/// Why an interface has no program.
pub(super) struct Failure {
    reason: String,
    is_told: bool,
}

impl Program {
    /// The configuration's interfaces that have the program.
    pub(in crate::agent) fn attached(&self, state: &State) -> BTreeSet<String> {
        let names = state.config.interfaces().into_iter();
        let interface = |name: &String| state.network.interfaces.get(name);
        let is_attached =
            |name: &String| interface(name).is_some_and(|interface| self.datapath.is_attached(name, interface.ifindex));
        names.filter(is_attached).collect()
    }

    /// Logs each interface that has gone since the last time.
    pub(in crate::agent) fn tell_of_gone(&mut self, state: &State) {
        let names = state.config.interfaces().into_iter();
        let gone: BTreeSet<_> = names.filter(|name| !state.network.interfaces.contains_key(name)).collect();
        for name in gone.difference(&self.gone) {
            tracing::warn!(interface = name, "the interface is gone; the program is attached again when it returns");
        }
        self.gone = gone;
    }

    /// Attaches the program to the interfaces that do not have it. Fails with the first failure that was not told of: one
    /// that was told of is a known state of that interface, and no failure of what is being done.
    pub(in crate::agent) fn attach_missing(&mut self, state: &State) -> Result<(), Error> {
        let attached = self.attached(state);
        let mut first = None;
        let before = std::mem::take(&mut self.unattached);
        for name in state.config.interfaces().into_iter().filter(|name| !attached.contains(name)) {
            let Err(error) = attach_to(&name, &state.config, &state.network, &mut self.datapath) else {
                continue;
            };
            let reason = error.to_string();
            let is_told = before.get(&name).is_some_and(|failure| failure.is_told && failure.reason == reason);
            self.unattached.insert(name, Failure { reason, is_told });
            if !is_told {
                first.get_or_insert(error);
            }
        }
        first.map_or(Ok(()), Err)
    }

    /// Tries again where the program could not be attached: the kernel does not say when another program is gone. Whether
    /// there was such an interface.
    pub(in crate::agent) fn retry_unattached(&mut self, state: &State) -> bool {
        // What was not told of yet may be an interface that is being deleted.
        if !self.unattached.values().any(|failure| failure.is_told) {
            return false;
        }
        if let Err(error) = self.attach_missing(state) {
            tracing::debug!(%error, "an interface has still no program");
        }
        self.tell_of_unattached();
        true
    }

    /// Logs each interface that could not be attached, once per reason.
    pub(in crate::agent) fn tell_of_unattached(&mut self) {
        for (interface, failure) in self.unattached.iter_mut().filter(|(_, failure)| !failure.is_told) {
            tracing::error!(interface, "{}; retrying", failure.reason);
            failure.is_told = true;
        }
    }
}

/// Attaches the program to the interfaces that are not in `attached`.
pub(super) fn attach(
    config: &Config,
    network: &Network,
    datapath: &mut Datapath,
    attached: &BTreeSet<String>,
) -> Result<(), Error> {
    let mut names = config.interfaces().into_iter().filter(|name| !attached.contains(name));
    names.try_for_each(|name| attach_to(&name, config, network, datapath))
}

/// Attaches the program to an interface, if that exists.
fn attach_to(name: &str, config: &Config, network: &Network, datapath: &mut Datapath) -> Result<(), Error> {
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
