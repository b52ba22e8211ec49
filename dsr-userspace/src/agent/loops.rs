//! Tells the operator which backend sends packets back instead of taking them.

use std::collections::BTreeMap;

use super::balancer::Balancer;
use crate::datapath;

/// Frames that came back, by row of the member map, as last seen.
#[derive(Debug, Default)]
pub(super) struct LoopLog {
    seen: BTreeMap<u32, u64>,
}

impl Balancer {
    /// Logs each backend from which frames came back since the last look.
    pub(super) fn look_for_loops(&mut self) -> Result<(), datapath::Error> {
        for (service, placed) in self.config.desired.services.iter().zip(&self.layout.services) {
            for (backend, member) in service.backends.iter().zip(&placed.members) {
                let loops = self.datapath.traffic(member.row)?.loops;
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
