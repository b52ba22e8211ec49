//! What readers take from the live tables and their counters: status, metrics and `explain` work on anything that has these.

use std::ops::Range;

use dsr_common::stats::{Reason, Tracking};

use crate::{
    datapath::{Error, Maps, Traffic},
    reconcile::{FlowTable, MemberRowId, PlacedService, Tables},
};

/// Tables and counters.
pub(in crate::agent) trait Live: Tables {
    /// The traffic of the members at these rows, in their order.
    fn traffic(&self, rows: Range<MemberRowId>) -> Result<Vec<Traffic>, Error>;
    /// How many frames met their end for this reason on an interface.
    fn reason(&self, ifindex: u32, reason: Reason) -> Result<u64, Error>;
    /// How many packets were counted so.
    fn counted(&self, event: Tracking) -> Result<u64, Error>;
    /// How many claims to VIPs were not told of.
    fn lost_claims(&self) -> Result<u64, Error>;
    /// How many entries a table of flows has.
    fn flows(&self, table: FlowTable) -> u64;
}

impl Live for Maps {
    fn traffic(&self, rows: Range<MemberRowId>) -> Result<Vec<Traffic>, Error> {
        self.traffic_of(rows)
    }

    fn reason(&self, ifindex: u32, reason: Reason) -> Result<u64, Error> {
        Self::reason(self, Some(ifindex), reason)
    }

    fn counted(&self, event: Tracking) -> Result<u64, Error> {
        Self::tracked(self, event)
    }

    fn lost_claims(&self) -> Result<u64, Error> {
        Self::lost_claims(self)
    }

    fn flows(&self, table: FlowTable) -> u64 {
        self.count_flows(table)
    }
}

/// The traffic of a service's members, in their order: their rows are close together, so that they are read at once.
pub(in crate::agent) fn traffic_of(live: &impl Live, placed: &PlacedService) -> Result<Vec<Traffic>, Error> {
    let rows = || placed.members.iter().map(|member| member.row);
    let (Some(first), Some(last)) = (rows().min(), rows().max()) else { return Ok(Vec::new()) };
    let all = live.traffic(first..MemberRowId(last.0 + 1))?;
    Ok(rows().map(|row| all.get((row.0 - first.0) as usize).copied().unwrap_or_default()).collect())
}
