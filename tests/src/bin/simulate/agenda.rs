//! Whose turn is when: each flow has one next packet, and each tick a list of flows, linked through the flows.

use crate::time::Moment;

/// A flow's number, below the number of flows that live at once.
pub(crate) type FlowId = u32;

const NONE: FlowId = FlowId::MAX;

/// The lists.
pub(crate) struct Agenda {
    first: Vec<FlowId>,
    next: Vec<FlowId>,
}

impl Agenda {
    /// For a run until `end`.
    pub(crate) fn new(end: Moment) -> Self {
        Self { first: vec![NONE; end.tick()], next: Vec::new() }
    }

    /// Puts a flow, which must be in no list, on a tick's; `false` where that is after the end.
    pub(crate) fn put(&mut self, flow: FlowId, at: Moment) -> bool {
        let Some(first) = self.first.get_mut(at.tick()) else { return false };
        let index = flow as usize;
        if self.next.len() <= index {
            self.next.resize(index + 1, NONE);
        }
        self.next[index] = std::mem::replace(first, flow);
        true
    }

    /// Takes one of the flows whose turn is at a tick.
    pub(crate) fn take(&mut self, at: Moment) -> Option<FlowId> {
        let first = self.first.get_mut(at.tick())?;
        let flow = *first;
        if flow == NONE {
            return None;
        }
        *first = self.next[flow as usize];
        Some(flow)
    }
}
