//! Tells the operator which backend sends packets back instead of taking them.

use std::collections::BTreeMap;

use dsr_common::stats::Reason;

use crate::{
    agent::{balancer::Balancer, snapshot::live::traffic_of},
    datapath,
};

/// Frames that came back, by row of the member map, as last seen.
#[derive(Debug, Default)]
pub(in crate::agent) struct LoopLog {
    seen: BTreeMap<u32, u64>,
    /// All such frames, as last seen.
    all: u64,
}

impl Balancer {
    /// Logs each backend from which frames came back since the last look.
    pub(in crate::agent) fn look_for_loops(&mut self) -> Result<(), datapath::Error> {
        // Every frame that comes back is dropped for this reason: while their number stands, no member's has moved.
        let all = self.datapath.reason_everywhere(Reason::DropLoop)?;
        if std::mem::replace(&mut self.loops.all, all) == all {
            return Ok(());
        }
        for (service, placed) in self.state.config.desired.services.iter().zip(&self.layout.services) {
            let traffic = traffic_of(&*self.datapath, placed)?;
            for ((backend, member), traffic) in service.backends.iter().zip(&placed.members).zip(traffic) {
                let loops = traffic.loops;
                // A row that another member was given begins at zero again.
                let before = self.loops.seen.insert(member.row, loops).filter(|before| *before <= loops).unwrap_or(0);
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
