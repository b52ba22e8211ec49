//! The trace that the program writes while one runs.

use dsr_common::trace::{TraceFilter, TraceRecord};

use super::Program;
use crate::datapath::Error;

impl Program {
    /// Has the program tell what it does with what the filter lets through.
    pub(in crate::agent) fn start_trace(&mut self, filter: TraceFilter) -> Result<(), Error> {
        self.trace = Some(filter);
        self.datapath.start_trace(&filter)
    }

    /// Puts the program back that does not tell.
    pub(in crate::agent) fn stop_trace(&mut self) -> Result<(), Error> {
        self.trace = None;
        self.datapath.stop_trace()
    }

    /// What the program told since the last call.
    pub(in crate::agent) fn traced(&mut self) -> Vec<TraceRecord> {
        self.datapath.traced()
    }
}
