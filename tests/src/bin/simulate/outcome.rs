//! What came out of a run.

use crate::{
    design::{Design, Memory, Work},
    wire::Traffic,
};

/// What came out.
pub(crate) struct Outcome {
    /// Flows that were open at any time.
    pub(crate) flows: u64,
    /// Flows that ended with their backend.
    pub(crate) lost: u64,
    /// Flows that lived at once, at most.
    pub(crate) at_once: usize,
    /// In the order of the designs that were asked for.
    pub(crate) designs: Vec<Result>,
}

/// What became of a design.
#[derive(Clone, Debug)]
pub(crate) struct Result {
    pub(crate) design: Design,
    /// Flows of which a packet reached another backend, or none, while their own lived.
    pub(crate) broken: u64,
    /// Packets of flows that were not broken; of a flood too.
    pub(crate) packets: u64,
    pub(crate) work: Work,
    /// Of the balancer that used most, when it did.
    pub(crate) memory: Memory,
    /// Of the whole cluster.
    pub(crate) traffic: Traffic,
}

impl Outcome {
    /// What became of some designs, in their order.
    pub(crate) fn of<'a>(&'a self, designs: &'a [Design]) -> impl Iterator<Item = &'a Result> {
        designs.iter().filter_map(|design| self.designs.iter().find(|result| result.design == *design))
    }

    /// Of a run that has not begun.
    pub(crate) fn new(designs: &[Design]) -> Self {
        Self { flows: 0, lost: 0, at_once: 0, designs: designs.iter().map(|design| Result::new(*design)).collect() }
    }
}

impl Result {
    fn new(design: Design) -> Self {
        Self {
            design,
            broken: 0,
            packets: 0,
            work: Work::default(),
            memory: Memory::default(),
            traffic: Traffic::default(),
        }
    }

    /// Broken flows in a million.
    pub(crate) fn per_million(&self, flows: u64) -> f64 {
        self.broken as f64 * 1e6 / flows.max(1) as f64
    }

    /// Look-ups in tables of flows, a packet.
    pub(crate) fn lookups(&self) -> f64 {
        self.work.lookups as f64 / self.packets.max(1) as f64
    }

    /// Entries written in tables of flows, a packet.
    pub(crate) fn writes(&self) -> f64 {
        self.work.writes as f64 / self.packets.max(1) as f64
    }
}
