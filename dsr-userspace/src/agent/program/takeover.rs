//! The first load of an agent, in the place of what another one left.

use std::collections::BTreeSet;

use super::{spec::ProgramSpec, transitions::tick_seconds};
use crate::{
    agent::Error,
    datapath::{Datapath, Predecessor},
    reconcile::Keep,
};

impl ProgramSpec<'_> {
    /// The first load of an agent, in the place of what another one left.
    pub(super) fn first(&self, predecessor: &mut Predecessor) -> Result<Datapath, Error> {
        if predecessor.is_other_layout {
            tracing::warn!(
                "the previous agent's tables have another layout: the program is replaced without interruption, but \
                 counters start at zero and tracked flows are lost"
            );
        }
        if predecessor.keep == Some(Keep::Members) {
            tracing::warn!("the previous agent used another hash_seed: nearly every flow moves to another backend");
        }
        let config = &self.state.config;
        let kept = predecessor.attached(&self.state.network.interfaces);
        let kept: BTreeSet<String> = config.interfaces().into_iter().filter(|name| kept.contains(name)).collect();
        let mut fresh = self.load(predecessor.tables.as_ref().zip(predecessor.keep), &kept, None)?;
        fresh.finish(config.desired.hash_seed, tick_seconds(&config.desired))?;
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
    pub(super) fn roll_back_start(&self, predecessor: &Predecessor) {
        if predecessor.tables.is_none()
            && !predecessor.is_other_layout
            && let Err(error) = self.pins.remove()
        {
            tracing::warn!(%error, "pins stay behind");
        }
    }
}
