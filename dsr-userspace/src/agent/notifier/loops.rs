//! Tells the operator which backend sends packets back instead of taking them.

use std::collections::BTreeMap;

use dsr_common::stats::Reason;

use crate::{
    agent::{program::Program, snapshot::live::traffic_of, state::State},
    datapath,
    reconcile::MemberRowId,
};

/// Frames that came back, as last seen.
#[derive(Debug, Default)]
pub(super) struct LoopLog {
    /// By member.
    seen: BTreeMap<MemberRowId, u64>,
    /// All such frames, as last seen.
    all: u64,
}

impl LoopLog {
    /// Logs each backend from which frames came back since the last look.
    pub(super) fn look(&mut self, state: &State, program: &Program) -> Result<(), datapath::Error> {
        let maps = program.maps();
        // Every frame that comes back is dropped for this reason: while their number stands, no member's has moved.
        let all = maps.reason_everywhere(Reason::DropLoop)?;
        if std::mem::replace(&mut self.all, all) == all {
            return Ok(());
        }
        for (service, placed) in state.config.desired.services.iter().zip(&program.layout.services) {
            let traffic = traffic_of(&*maps, placed)?;
            for ((backend, member), traffic) in service.backends.iter().zip(&placed.members).zip(traffic) {
                let loops = traffic.loops;
                // A row that another member was given begins at zero again.
                let before = self.seen.insert(member.row, loops).filter(|before| *before <= loops).unwrap_or(0);
                if loops > before {
                    tracing::warn!(
                        service = service.name,
                        vip = %service.id.vip,
                        backend = backend.name,
                        address = %backend.address,
                        frames = loops - before,
                        "the backend forwards the VIP's packets back to this node: it does not hold the VIP, and IP \
                         forwarding is on"
                    );
                }
            }
        }
        Ok(())
    }
}
