//! A snapshot as text: Prometheus' format 0.0.4, which everything that scrapes can read. Pure.
//!
//! `prometheus-client` writes the format of `OpenMetrics`, which differs in that a counter's HELP and TYPE lack the `_total` of its
//! samples, and in its last line. So families have their whole names here, and values are written as gauges are:
//! plainly.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet, text::encode_registry},
    metrics::MetricType,
    registry::Registry,
};

use super::{CONFIG_HASH_BITS, CheckSample, MemberSample, Snapshot};
use crate::health::{BOUNDS, Histogram};

/// The HTTP content type of [`encode`]'s text.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Writes the snapshot.
pub(super) fn encode(snapshot: Snapshot) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(snapshot));
    let mut text = String::new();
    encode_registry(&mut text, &registry)?;
    Ok(text)
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        members(&mut encoder, &self.members)?;
        reasons(&mut encoder, self)?;
        backends(&mut encoder, self)?;
        checks(&mut encoder, &self.checks)?;
        agent(&mut encoder, self)
    }
}

fn members(encoder: &mut DescriptorEncoder<'_>, members: &[MemberSample]) -> fmt::Result {
    type Value = fn(&MemberSample) -> u64;
    let families: [(&str, &str, MetricType, Value); 5] = [
        ("dsr_member_packets_total", "Frames sent to the backend", MetricType::Counter, |m| m.packets),
        (
            "dsr_member_bytes_total",
            "Octets sent to the backend, from the link header to the end of the IP packet",
            MetricType::Counter,
            |m| m.bytes,
        ),
        ("dsr_member_new_flows_total", "TCP connections opened to the backend", MetricType::Counter, |m| m.new_flows),
        ("dsr_member_loops_total", LOOPS, MetricType::Counter, |m| m.loops),
        (
            "dsr_member_slots",
            "Slots of the service's table that new flows reach the backend by",
            MetricType::Gauge,
            |m| m.slots.into(),
        ),
    ];
    for (name, help, kind, value) in families {
        let samples = members.iter().map(|member| {
            let labels = [
                ("service", member.service.clone()),
                ("vip", member.vip.to_string()),
                ("protocol", member.protocol.name().to_owned()),
                ("port", member.port.to_string()),
                ("backend", member.backend.clone()),
            ];
            (labels, value(member))
        });
        family(encoder, name, help, kind, samples)?;
    }
    Ok(())
}

fn reasons(encoder: &mut DescriptorEncoder<'_>, snapshot: &Snapshot) -> fmt::Result {
    let samples = snapshot
        .reasons
        .iter()
        .map(|sample| ([("reason", sample.reason.label()), ("interface", &sample.interface)], sample.packets));
    let help = "Frames that were passed, dropped or answered, by reason";
    family(encoder, "dsr_reason_packets_total", help, MetricType::Counter, samples)
}

fn backends(encoder: &mut DescriptorEncoder<'_>, snapshot: &Snapshot) -> fmt::Result {
    let all = &snapshot.backends;
    let samples = all.iter().map(|b| ([("pool", &b.pool), ("backend", &b.backend)], b.reachable.into()));
    let help = "Whether the network leads to the backend";
    family(encoder, "dsr_backend_reachable", help, MetricType::Gauge, samples)?;
    let causes = all.iter().filter_map(|b| {
        let cause = b.cause.as_ref().filter(|_| !b.reachable)?;
        Some(([("pool", &b.pool), ("backend", &b.backend), ("cause", cause)], 1))
    });
    let help = "Why the network does not lead to the backend; always 1";
    family(encoder, "dsr_backend_unreachable", help, MetricType::Gauge, causes)
}

fn checks(encoder: &mut DescriptorEncoder<'_>, checks: &[CheckSample]) -> fmt::Result {
    let labels = |check: &CheckSample| {
        [("pool", check.pool.clone()), ("backend", check.backend.clone()), ("service", check.service.clone())]
    };
    let samples = checks.iter().map(|check| (labels(check), check.healthy.into()));
    let help = "Whether the backend passes its check";
    family(encoder, "dsr_backend_healthy", help, MetricType::Gauge, samples)?;
    let samples = checks.iter().filter_map(|check| {
        let [pool, backend, service] = labels(check);
        Some(([pool, backend, service, ("cause", check.cause?.name().to_owned())], 1))
    });
    let help = "Why the backend does not pass its check; always 1";
    family(encoder, "dsr_backend_state", help, MetricType::Gauge, samples)?;
    let help = "How long health probes took";
    let mut metric = encoder.encode_descriptor("dsr_backend_probe_seconds", help, None, MetricType::Histogram)?;
    for check in checks {
        let Histogram { counts, count, sum } = &check.took;
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(counts.iter().copied().chain([check.took.beyond()])).collect();
        metric.encode_family(&labels(check))?.encode_histogram::<NoLabelSet>(*sum, *count, &buckets, None)?;
    }
    Ok(())
}

fn agent(encoder: &mut DescriptorEncoder<'_>, snapshot: &Snapshot) -> fmt::Result {
    let reloads = [("ok", snapshot.reload.ok), ("error", snapshot.reload.error)];
    let samples = reloads.map(|(result, count)| ([("result", result)], count));
    let help = "Times that the configuration was read again since the agent started";
    family(encoder, "dsr_reload_total", help, MetricType::Counter, samples)?;
    let hash = snapshot.config_hash & ((1 << CONFIG_HASH_BITS) - 1);
    let help = "A hash of the configuration that is in force";
    encoder.encode_descriptor("dsr_config_hash", help, None, MetricType::Gauge)?.encode_gauge(&hash)?;
    let build = [("version", env!("CARGO_PKG_VERSION"))];
    family(encoder, "dsr_build_info", "The agent's build; always 1", MetricType::Gauge, [(build, 1)])
}

/// One family: HELP and TYPE, then a line a sample.
fn family<L: EncodeLabelSet>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    kind: MetricType,
    samples: impl IntoIterator<Item = (L, u64)>,
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, kind)?;
    for (labels, value) in samples {
        metric.encode_family(&labels)?.encode_gauge(&value)?;
    }
    Ok(())
}

const LOOPS: &str =
    "Frames that came back from the backend, which forwards the VIP and does not hold it, and were dropped";

#[cfg(test)]
#[path = "exposition_tests.rs"]
mod tests;
