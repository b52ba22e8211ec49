//! Encodes a snapshot in Prometheus' text format 0.0.4, which every scraper can read. Pure.
//!
//! `prometheus-client` writes `OpenMetrics`, which differs in two ways: HELP and TYPE of a counter lack the `_total` of
//! its samples, and the text ends with a marker line. So families have their full names here, and all values are
//! encoded as gauges, which get no suffix.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet, text::encode_registry},
    metrics::MetricType,
    registry::Registry,
};

use super::{
    AgentReportSample, CONFIG_HASH_BITS, CheckSample, ClaimSample, MemberSample, OverrideSample, Snapshot, StateSample,
    TrackingSample, TunnelErrorSample, UncheckedSample,
};
use crate::health::{BOUNDS, Histogram, ReportedState};

/// The HTTP content type of [`encode`]'s text.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Encodes the snapshot.
pub(super) fn encode(snapshot: impl Collector) -> Result<String, fmt::Error> {
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
        unchecked(&mut encoder, self)?;
        states(&mut encoder, self)?;
        claims(&mut encoder, self)?;
        tracking(&mut encoder, &self.tracking)?;
        agent(&mut encoder, self)
    }
}

fn members(encoder: &mut DescriptorEncoder<'_>, members: &[MemberSample]) -> fmt::Result {
    type Value = fn(&MemberSample) -> u64;
    let families: [(&str, &str, MetricType, Value); 5] = [
        ("dsr_member_packets_total", "Frames sent to the backend", MetricType::Counter, |m| m.packets),
        (
            "dsr_member_bytes_total",
            "Bytes sent to the backend, from the link header to the end of the IP packet",
            MetricType::Counter,
            |m| m.bytes,
        ),
        ("dsr_member_new_flows_total", "TCP connections opened to the backend", MetricType::Counter, |m| m.new_flows),
        ("dsr_member_loops_total", LOOPS, MetricType::Counter, |m| m.loops),
        ("dsr_member_slots", "Maglev slots assigned to the backend", MetricType::Gauge, |m| m.slots.into()),
    ];
    for (name, help, kind, value) in families {
        let mut metric = encoder.encode_descriptor(name, help, None, kind)?;
        // There may be a hundred thousand of them: what those of a service have in common is written once.
        for service in members.chunk_by(|a, b| (a.vip, a.protocol, a.port) == (b.vip, b.protocol, b.port)) {
            let Some(MemberSample { vip, protocol, port, .. }) = service.first() else { continue };
            let (vip, port) = (vip.to_string(), port.to_string());
            for member in service {
                let labels = [
                    ("service", member.service.as_str()),
                    ("vip", &vip),
                    ("protocol", protocol.name()),
                    ("port", &port),
                    ("backend", &member.backend),
                ];
                metric.encode_family(&labels)?.encode_gauge(&value(member))?;
            }
        }
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
    let help = "Whether the network can reach the backend";
    family(encoder, "dsr_backend_reachable", help, MetricType::Gauge, samples)?;
    let causes = all.iter().filter_map(|b| {
        let cause = b.cause.as_ref().filter(|_| !b.reachable)?;
        Some(([("pool", &b.pool), ("backend", &b.backend), ("cause", cause)], 1))
    });
    let help = "Why the network cannot reach the backend; always 1";
    family(encoder, "dsr_backend_unreachable", help, MetricType::Gauge, causes)?;
    let errors = snapshot.tunnel_errors.iter().map(|sample| {
        let TunnelErrorSample { pool, backend, kind, errors } = sample;
        ([("pool", pool.as_str()), ("backend", backend), ("kind", kind.label())], *errors)
    });
    let help = "ICMP errors about packets of the tunnel to the backend, by kind";
    family(encoder, "dsr_backend_tunnel_icmp_errors_total", help, MetricType::Counter, errors)
}

fn checks(encoder: &mut DescriptorEncoder<'_>, checks: &[CheckSample]) -> fmt::Result {
    fn labels(check: &CheckSample) -> [(&str, &str); 3] {
        [("pool", &check.pool), ("backend", &check.backend), ("service", &check.service)]
    }
    let samples = checks.iter().map(|check| (labels(check), check.healthy.into()));
    let help = "Whether the backend is up according to its health check";
    family(encoder, "dsr_backend_healthy", help, MetricType::Gauge, samples)?;
    let help = "Duration of health probes";
    let mut metric = encoder.encode_descriptor("dsr_backend_probe_seconds", help, None, MetricType::Histogram)?;
    for check in checks {
        let Histogram { counts, count, sum } = &check.took;
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(counts.iter().copied().chain([check.took.beyond()])).collect();
        metric.encode_family(&labels(check))?.encode_histogram::<NoLabelSet>(*sum, *count, &buckets, None)?;
    }
    Ok(())
}

fn unchecked(encoder: &mut DescriptorEncoder<'_>, snapshot: &Snapshot) -> fmt::Result {
    let samples = snapshot.unchecked.iter().map(|UncheckedSample { pool, backend, service }| {
        ([("pool", pool.clone()), ("backend", backend.clone()), ("service", service.clone())], 1)
    });
    let help = "The last health probe of the backend could not be made on this host; always 1";
    family(encoder, "dsr_backend_unchecked", help, MetricType::Gauge, samples)?;
    let help = "Health probes that could not be made on this host and have no result";
    let mut errors = encoder.encode_descriptor("dsr_probe_local_errors_total", help, None, MetricType::Counter)?;
    errors.encode_gauge(&snapshot.local_errors)
}

fn states(encoder: &mut DescriptorEncoder<'_>, snapshot: &Snapshot) -> fmt::Result {
    let samples = snapshot.states.iter().map(|state| {
        let StateSample { pool, backend, service, cause } = state;
        ([("pool", pool.as_str()), ("backend", backend), ("service", service), ("cause", cause.name())], 1)
    });
    let help = "What is wrong with the backend; always 1";
    family(encoder, "dsr_backend_state", help, MetricType::Gauge, samples)?;
    let samples = snapshot.fallbacks.iter().map(|(service, serves)| ([("service", service)], (*serves).into()));
    let help = "Whether new flows of the service go to its fallback";
    family(encoder, "dsr_service_on_fallback", help, MetricType::Gauge, samples)?;
    let labels = |report: &AgentReportSample| [("pool", report.pool.clone()), ("backend", report.backend.clone())];
    let samples = snapshot.reports.iter().filter_map(|report| Some((labels(report), report.said.answers?.into())));
    let help = "Whether the backend answered its last agent check";
    family(encoder, "dsr_agent_check_answered", help, MetricType::Gauge, samples)?;
    let samples = snapshot.reports.iter().map(|report| {
        let ReportedState { report: said, .. } = report.said;
        (labels(report), if said.drains || said.is_down { 0 } else { said.percent.into() })
    });
    let help = "Percentage of its weight that the backend reports by its agent check";
    family(encoder, "dsr_agent_check_percent", help, MetricType::Gauge, samples)
}

fn claims(encoder: &mut DescriptorEncoder<'_>, snapshot: &Snapshot) -> fmt::Result {
    let labels = |claim: &ClaimSample| {
        [("vip", claim.vip.to_string()), ("mac", claim.mac.clone()), ("backend", claim.backend.clone())]
    };
    let samples = snapshot.claims.iter().map(|claim| (labels(claim), claim.claims));
    let help = "ARP and neighbour discovery packets in which another host claims a VIP";
    family(encoder, "dsr_arp_claims_total", help, MetricType::Counter, samples)?;
    let samples = snapshot.claims.iter().filter(|claim| claim.holds).map(|claim| (labels(claim), 1));
    let help = "The host that currently claims the VIP; always 1";
    family(encoder, "dsr_vip_claimed", help, MetricType::Gauge, samples)?;
    let help = "Claims to VIPs that arrived too fast to be attributed to a host";
    let mut lost = encoder.encode_descriptor("dsr_arp_claims_lost_total", help, None, MetricType::Counter)?;
    lost.encode_gauge(&snapshot.claims_lost)
}

fn tracking(encoder: &mut DescriptorEncoder<'_>, tracking: &TrackingSample) -> fmt::Result {
    let slots = tracking.slots.iter().map(|(service, slots)| ([("service", service)], (*slots).into()));
    let help = "Slots in transition, whose flows are remembered because their backend changed";
    family(encoder, "dsr_slots_tracked", help, MetricType::Gauge, slots)?;
    let flows =
        [("known", tracking.flows), ("new", tracking.embryonic)].map(|(state, count)| ([("state", state)], count));
    family(encoder, "dsr_flows", "Flows that are remembered", MetricType::Gauge, flows)?;
    let packets = tracking.packets.iter().map(|(event, count)| ([("event", event.label())], *count));
    let help = "Packets that consulted the flow tables, by result, and evicted flows";
    family(encoder, "dsr_tracking_total", help, MetricType::Counter, packets)?;
    let drained = tracking.draining.iter();
    let drained = drained.map(|one| ([("service", &one.service), ("backend", &one.backend)], one.drained.into()));
    let help = "Whether a draining backend has no flows left";
    family(encoder, "dsr_backend_drained", help, MetricType::Gauge, drained)
}

fn agent(encoder: &mut DescriptorEncoder<'_>, snapshot: &Snapshot) -> fmt::Result {
    let reloads = [("ok", snapshot.reload.ok), ("error", snapshot.reload.error)];
    let samples = reloads.map(|(result, count)| ([("result", result)], count));
    let help = "Configuration reloads since the agent started, by result";
    family(encoder, "dsr_reload_total", help, MetricType::Counter, samples)?;
    let help = "Whether the configuration file on disk is in force";
    let in_force: u64 = (!snapshot.config_refused).into();
    encoder.encode_descriptor("dsr_config_in_force", help, None, MetricType::Gauge)?.encode_gauge(&in_force)?;
    let labels = |o: &OverrideSample| [("pool", o.pool.clone()), ("backend", o.backend.clone())];
    let samples = snapshot.overrides.iter().map(|sample| (labels(sample), sample.since));
    let help = "Unix time at which an operator replaced the backend's configured weight";
    family(encoder, "dsr_override_timestamp_seconds", help, MetricType::Gauge, samples)?;
    let hash = snapshot.config_hash & ((1 << CONFIG_HASH_BITS) - 1);
    let help = "Hash of the configuration in force";
    encoder.encode_descriptor("dsr_config_hash", help, None, MetricType::Gauge)?.encode_gauge(&hash)?;
    let help = "Log lines that could not be written";
    let mut lost = encoder.encode_descriptor("dsr_log_lines_lost_total", help, None, MetricType::Counter)?;
    lost.encode_gauge(&snapshot.log_lines_lost)?;
    let build = [("version", env!("DSR_VERSION"))];
    family(encoder, "dsr_build_info", "Version of the agent; always 1", MetricType::Gauge, [(build, 1)])
}

/// Encodes one family: HELP and TYPE, then one line per sample.
pub(crate) fn family<L: EncodeLabelSet>(
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

const LOOPS: &str = "Frames dropped because they came back from the backend, which does not hold the VIP and forwards";

#[cfg(test)]
#[path = "exposition_tests.rs"]
mod tests;
