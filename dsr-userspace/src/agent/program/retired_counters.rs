//! What was counted on interfaces that are gone: the counts of their names go on.

use std::collections::BTreeMap;

use dsr_common::stats::Reason;

use crate::datapath::{Datapath, Error};

/// Counts of interfaces that are gone.
#[derive(Clone, Debug, Default)]
pub(in crate::agent) struct RetiredCounters {
    reasons: BTreeMap<(String, &'static str), u64>,
    lost_claims: u64,
}

impl RetiredCounters {
    /// Takes over how many claims a program did not tell of.
    pub(super) fn add_lost_claims(&mut self, lost: u64) {
        self.lost_claims += lost;
    }

    /// Takes over what was counted on an interface, or a port, that counts for this name.
    pub(super) fn add_reasons(&mut self, datapath: &Datapath, ifindex: u32, name: &str) -> Result<(), Error> {
        for reason in Reason::ALL {
            let count = datapath.reason(Some(ifindex), *reason)?;
            *self.reasons.entry((name.to_owned(), reason.label())).or_default() += count;
        }
        Ok(())
    }

    /// How many claims to VIPs were not told of.
    pub(in crate::agent) const fn lost_claims(&self) -> u64 {
        self.lost_claims
    }

    /// What was counted for a reason.
    pub(in crate::agent) fn reason(&self, interface: &str, reason: Reason) -> u64 {
        self.reasons.get(&(interface.to_owned(), reason.label())).copied().unwrap_or(0)
    }
}
