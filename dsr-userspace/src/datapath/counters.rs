//! What the program counted, summed over the CPUs.

use std::{
    collections::BTreeSet,
    io,
    ops::{Add, Range},
};

use aya::maps::MapError;
use dsr_common::{
    names,
    stats::{Counters, Reason, reason_row},
};

use super::{Datapath, Error, Maps};
use crate::reconcile::{MemberRowId, Tables as _};

/// A member's traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Frames sent to it.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// TCP connections opened.
    pub new_flows: u64,
    /// Frames that came back from it and were dropped.
    pub loops: u64,
}

impl Add for Traffic {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            packets: self.packets + other.packets,
            bytes: self.bytes + other.bytes,
            new_flows: self.new_flows + other.new_flows,
            loops: self.loops + other.loops,
        }
    }
}

impl From<&Counters> for Traffic {
    fn from(cpu: &Counters) -> Self {
        Self { packets: cpu.packets, bytes: cpu.bytes, new_flows: cpu.new_flows, loops: cpu.loops }
    }
}

impl Maps {
    /// The traffic of a member.
    pub fn traffic(&self, row: MemberRowId) -> Result<Traffic, Error> {
        Ok(self.traffic_of(row..MemberRowId(row.0 + 1))?.first().copied().unwrap_or_default())
    }

    /// The traffic of the members at these rows of the member map, in their order.
    pub fn traffic_of(&self, rows: Range<MemberRowId>) -> Result<Vec<Traffic>, Error> {
        let rows = rows.start.0..rows.end.0;
        let mut all = Vec::with_capacity(rows.len());
        let carried = |row| self.carried.as_ref().map(|carried| Traffic::from(&carried.load(row))).unwrap_or_default();
        self.counters
            .read(rows, |row, cpus| all.push(cpus.iter().map(Traffic::from).fold(carried(row), Add::add)))
            .map_err(failed)?;
        Ok(all)
    }

    /// How many frames met their end for this reason on an interface; `None` is for frames of no known interface.
    pub fn reason(&self, ifindex: Option<u32>, reason: Reason) -> Result<u64, Error> {
        let Some(block) = ifindex.map_or(Some(dsr_common::limits::INTERFACE_ROWS), |i| self.interface_row(i)) else {
            return Ok(0);
        };
        let values = self.reasons.row(reason_row(block, reason)).map_err(of(names::REASONS))?;
        Ok(values.iter().sum())
    }

    /// How many frames met their end for this reason, on all interfaces that the program knows.
    pub fn reason_everywhere(&self, reason: Reason) -> Result<u64, Error> {
        let known = self.known_interfaces().into_iter().map(Some).chain([None]);
        known.map(|ifindex| self.reason(ifindex, reason)).sum()
    }
}

impl Datapath {
    /// Adds what another program counted for the members that it had in the same rows. It must count no more.
    pub(super) fn add_traffic(&mut self, gone: &Self) -> Result<(), Error> {
        for row in 0..gone.sizes.members.min(self.sizes.members) {
            let row = MemberRowId(row);
            let (old, new) = (gone.member(row), self.member(row));
            if old.family == 0 || (old.family, old.backend) != (new.family, new.backend) {
                continue;
            }
            let traffic = gone.traffic(row)?;
            if let Some(carried) = &self.carried {
                let Traffic { packets, bytes, new_flows, loops } = traffic + Traffic::from(&carried.load(row.0));
                carried.store(row.0, &Counters { packets, bytes, new_flows, loops });
            }
        }
        Ok(())
    }

    /// Sets the counters of these rows to zero. Few of them hold anything: that is looked at first, many rows at a time.
    pub(super) fn zero_counters(&mut self, rows: &BTreeSet<MemberRowId>) -> Result<(), Error> {
        let mut used = Vec::new();
        for run in runs(rows) {
            let is_used = |cpu: &Counters| Traffic::from(cpu) != Traffic::default();
            self.counters
                .read(run, |row, cpus| used.extend(cpus.iter().any(is_used).then_some((row, cpus.len()))))
                .map_err(failed)?;
        }
        for (row, cpus) in used {
            let zeros = vec![Counters::default(); cpus].try_into().map_err(failed)?;
            self.counters_written.set(row, zeros, 0).map_err(|error| Error::Map(names::COUNTERS, error))?;
        }
        if let Some(carried) = &self.carried {
            for row in rows {
                carried.store(row.0, &Counters::default());
            }
        }
        Ok(())
    }
}

/// Numbers that follow each other, as ranges.
fn runs(rows: &BTreeSet<MemberRowId>) -> Vec<Range<u32>> {
    let mut runs: Vec<Range<u32>> = Vec::new();
    for MemberRowId(row) in rows {
        match runs.last_mut() {
            Some(run) if run.end == *row => run.end += 1,
            _ => runs.push(*row..*row + 1),
        }
    }
    runs
}

fn failed(error: io::Error) -> Error {
    of(names::COUNTERS)(error)
}

/// That a map could not be read.
pub(super) fn of(map: &'static str) -> impl Fn(io::Error) -> Error {
    move |error| Error::Map(map, MapError::IoError(error))
}
