//! The one way in which program and state are made to agree, whatever has happened.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use super::{Agent, Error, notifier::tell_turns};
use crate::{config::Config, model::Network};

impl Agent {
    /// Makes the program agree with the state, as far as this has changed, and tells what has changed. Where that fails,
    /// what has changed is left to the next time.
    pub(super) fn reconcile(&mut self) -> Result<(), Error> {
        self.decide();
        self.program.reconcile(&mut self.state)?;
        // An interface that cannot be attached is no reason to leave out the others.
        let attached = self.program.attach_missing(&self.state);
        self.program.tell_of_gone(&self.state);
        let changed = self.state.take_dirty();
        self.notifier.tell(&changed, &self.state, &mut self.program);
        attached
    }

    /// Decides for the services whose checks stand otherwise, or that were touched in another way, and tells which of them
    /// use other backends than usual.
    fn decide(&mut self) {
        let checks = self.probing.checks();
        self.state.rechecked(checks.take_moved());
        let turns = self.state.decide(|id| checks.state(id));
        tell_turns(&turns, &self.state);
    }

    /// Follows what checks and backends say now.
    pub(super) fn apply_health(&mut self) -> Result<(), Error> {
        self.state.hear(self.probing.reports().report());
        self.decide();
        if self.state.dirty.plan.is_empty() { Ok(()) } else { self.reconcile() }
    }

    /// Makes the checks of the configuration in force, and follows what they say already.
    pub(super) async fn check_backends(&mut self) -> Result<(), Error> {
        self.probing.follow(&self.state, &self.program).await;
        self.apply_health()
    }

    /// Follows a change of the network; gives the addresses that are reached otherwise than before too.
    pub(super) fn observe(&mut self, network: Network) -> (BTreeSet<IpAddr>, Result<(), Error>) {
        self.state.exchange_network(Arc::new(network));
        // An interface may have come in another one's place.
        let all = || self.state.config.desired.backend_addresses();
        let changed = if self.state.dirty.links { all() } else { self.state.dirty.reach.clone() };
        (changed, self.reconcile())
    }

    /// Puts another configuration into force, and with it the network as other interfaces show it; or, if that fails, goes
    /// on with what it has.
    pub(super) fn put_in_force(&mut self, config: Config, network: Option<Network>) -> Result<(), Error> {
        let network = network.map_or_else(|| Arc::clone(&self.state.network), Arc::new);
        let old_config = self.state.exchange_config(Arc::new(config));
        let old_network = self.state.exchange_network(network);
        let result = self.follow_config(&old_config);
        if result.is_err() {
            let refused = self.state.exchange_config(old_config);
            self.state.exchange_network(old_network);
            // What was done of it before it failed is undone.
            match self.follow_config(&refused) {
                // The tables are as they were: the agent ends with them, or with nothing.
                Ok(()) | Err(Error::Interrupted) => {}
                Err(error) => tracing::error!(%error, "the previous configuration could not be fully restored"),
            }
        }
        result
    }

    /// Makes everything agree with a configuration that came in the place of `other`.
    fn follow_config(&mut self, other: &Config) -> Result<(), Error> {
        if !self.program.suits(&self.state.config, other) {
            self.decide();
            self.program.rebuild(&mut self.state, None)?;
        }
        self.program.follow_timeouts(&self.state);
        self.reconcile()
    }
}
