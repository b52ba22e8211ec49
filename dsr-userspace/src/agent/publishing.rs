//! What readers see: published after each event.

use std::sync::Arc;

use super::{
    Agent, notifier::Notifier, probing::Probing, program::Program, reload::ConfigFile, snapshot::Snapshot, state::State,
};

impl Agent {
    /// Publishes the state that the agent has now.
    pub(super) fn publish(&self) {
        let snapshot = snapshot_of(&self.state, &self.program, &self.notifier, &self.probing, &self.file);
        self.snapshots.send_replace(snapshot);
    }
}

/// The state now.
pub(super) fn snapshot_of(
    state: &State,
    program: &Program,
    notifier: &Notifier,
    probing: &Probing,
    file: &ConfigFile,
) -> Arc<Snapshot> {
    Arc::new(Snapshot {
        config: Arc::clone(&state.config),
        intent: Arc::clone(&state.intent),
        network: Arc::clone(&state.network),
        decision: Arc::clone(&state.decision),
        checks: probing.checks(),
        reports: probing.reports(),
        maps: program.maps(),
        layout: Arc::clone(&program.layout),
        reloads: file.reloads(),
        refusal: file.finding(),
        drained: program.drained(),
        retired_counters: Arc::clone(&program.retired_counters),
        entered: Arc::clone(&program.entered),
        claims: notifier.claims(),
        tunnel_errors: notifier.tunnel_errors(),
        attached: program.modes(state),
        features: program.features,
        trace: program.trace,
        pins: Some(Arc::clone(&program.pins)),
    })
}
