//! The metrics of a backend.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use dsr_common::backend::Reason;
use prometheus_client::{collector::Collector, encoding::DescriptorEncoder, metrics::MetricType};

use crate::{
    datapath::{self, BackendCounters, Mode},
    log,
    metrics::family,
};

/// What scrapes read, beside the agent.
pub(super) struct View {
    counters: BackendCounters,
    attached: Mutex<BTreeMap<String, Mode>>,
}

/// Everything that is exposed, at one point in time.
#[derive(Debug)]
pub(super) struct Snapshot {
    counts: Vec<(Reason, u64)>,
    attached: BTreeMap<String, Mode>,
}

impl View {
    pub(super) const fn new(counters: BackendCounters) -> Self {
        Self { counters, attached: Mutex::new(BTreeMap::new()) }
    }

    /// Notes where the program is attached.
    pub(super) fn set_attached(&self, attached: BTreeMap<String, Mode>) {
        *self.attached.lock().unwrap_or_else(PoisonError::into_inner) = attached;
    }

    /// Reads the counters.
    pub(super) fn snapshot(&self) -> Result<Snapshot, datapath::Error> {
        let counts = Reason::ALL.iter().map(|reason| Ok((*reason, self.counters.count(*reason)?)));
        let attached = self.attached.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Snapshot { counts: counts.collect::<Result<_, datapath::Error>>()?, attached })
    }
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        let samples = self.counts.iter().map(|(reason, count)| ([("reason", reason.label())], *count));
        let help = "Frames received from the network, by what became of them";
        family(encoder, "dsr_received_packets_total", help, MetricType::Counter, samples)?;
        let samples = self.attached.iter().map(|(interface, mode)| {
            let mode = match mode {
                Mode::Native => "native",
                Mode::Generic => "generic",
            };
            ([("interface", interface.as_str()), ("mode", mode)], 1)
        });
        let help = "How the program is attached to the interface; always 1";
        family(encoder, "dsr_program_attached", help, MetricType::Gauge, samples)?;
        let help = "Log lines that could not be written";
        let mut lost = encoder.encode_descriptor("dsr_log_lines_lost_total", help, None, MetricType::Counter)?;
        lost.encode_gauge(&log::lost_lines())?;
        let build = [("version", env!("DSR_VERSION"))];
        family(encoder, "dsr_build_info", "Version of the agent; always 1", MetricType::Gauge, [(build, 1)])
    }
}
