//! Interfaces that the program is not attached to: attached when possible, each without regard to the others.

use std::collections::{BTreeMap, BTreeSet};

use super::spec::attach_to;
use crate::agent::{Error, balancer::Balancer};

/// Why the program is not attached, by the name of the interface.
pub(in crate::agent) type Unattached = BTreeMap<String, Failure>;

/// Why an interface has no program.
pub(in crate::agent) struct Failure {
    reason: String,
    is_told: bool,
}

impl Balancer {
    /// The configuration's interfaces that have the program.
    pub(in crate::agent) fn attached(&self) -> BTreeSet<String> {
        let names = self.state.config.interfaces().into_iter();
        let state = |name: &String| self.state.network.interfaces.get(name);
        names.filter(|name| state(name).is_some_and(|state| self.datapath.is_attached(name, state.ifindex))).collect()
    }

    /// Logs each interface that has gone since the last time.
    pub(in crate::agent) fn tell_of_gone(&mut self) {
        let names = self.state.config.interfaces().into_iter();
        let gone: BTreeSet<_> = names.filter(|name| !self.state.network.interfaces.contains_key(name)).collect();
        for name in gone.difference(&self.gone) {
            tracing::warn!(interface = name, "the interface is gone; the program is attached again when it returns");
        }
        self.gone = gone;
    }

    /// Attaches the program to the interfaces that do not have it. Fails with the first failure that was not told of: one
    /// that was told of is a known state of that interface, and no failure of what is being done.
    pub(in crate::agent) fn attach_missing(&mut self) -> Result<(), Error> {
        let (attached, mut first) = (self.attached(), None);
        let before = std::mem::take(&mut self.unattached);
        for name in self.state.config.interfaces().into_iter().filter(|name| !attached.contains(name)) {
            let Err(error) = attach_to(&name, &self.state.config, &self.state.network, &mut self.datapath) else {
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

    /// Tries again where the program could not be attached: the kernel does not say when another program is gone.
    pub(in crate::agent) fn retry_unattached(&mut self) {
        // What was not told of yet may be an interface that is being deleted.
        if self.unattached.values().any(|failure| failure.is_told) {
            if let Err(error) = self.attach_missing() {
                tracing::debug!(%error, "an interface has still no program");
            }
            self.tell_of_unattached();
            self.announce();
        }
    }

    /// Logs each interface that could not be attached, once per reason.
    pub(in crate::agent) fn tell_of_unattached(&mut self) {
        for (interface, failure) in self.unattached.iter_mut().filter(|(_, failure)| !failure.is_told) {
            tracing::error!(interface, "{}; retrying", failure.reason);
            failure.is_told = true;
        }
    }
}
