//! The log lines about claims, not more of them than somebody can read.

use std::time::{Duration, Instant};

use super::{
    ledger::{ClaimRecord, Note},
    remedy::{meaning, remedy},
    sighting::name,
    view::Owner,
};

/// Writes the lines, and counts those that it did not write.
#[derive(Debug, Default)]
pub(super) struct Log {
    since: Option<Instant>,
    written: u32,
    withheld: u64,
}

impl Log {
    /// Writes a line about what is new, unless there were too many.
    pub(super) fn write(&mut self, note: &Note, now: Instant) {
        if self.since.is_none_or(|since| now.saturating_duration_since(since) > WINDOW) {
            if self.withheld > 0 {
                tracing::warn!(lines = self.withheld, "VIP claims omitted from the log: see the metrics");
            }
            *self = Self { since: Some(now), written: 0, withheld: 0 };
        }
        if self.written >= LINES {
            self.withheld += 1;
            return;
        }
        self.written += 1;
        match note {
            Note::Claimed(claim) => claimed(claim),
            Note::Ended(ClaimRecord { vip, mac, owner, .. }) => {
                tracing::info!(%vip, %mac, backend = %owner, "the VIP is no longer claimed");
            }
        }
    }
}

/// Lines in a [`WINDOW`].
const LINES: u32 = 20;
const WINDOW: Duration = Duration::from_secs(60);

fn claimed(claim: &ClaimRecord) {
    let ClaimRecord { vip, mac, owner, interface, .. } = claim;
    let (by, vlan) = (name(claim.kind), vlan(claim));
    let (meaning, remedy) = (meaning(owner, *vip), remedy(owner, *vip, *mac));
    if *owner == Owner::Balancer {
        tracing::info!(%vip, %mac, backend = %owner, interface, vlan, by, remedy, "{meaning}");
    } else {
        tracing::warn!(%vip, %mac, backend = %owner, interface, vlan, by, remedy, "{meaning}");
    }
}

/// The VLANs, outermost first, as `100` or `7.100`; nothing on an untagged segment.
fn vlan(claim: &ClaimRecord) -> Option<String> {
    let ids: Vec<_> = claim.tags.iter().map(|tag| tag.id.to_string()).collect();
    (!ids.is_empty()).then(|| ids.join("."))
}
