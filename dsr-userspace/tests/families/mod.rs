//! The metrics that an agent can expose, read from a scrape of a made-up snapshot, for the tests of what is written
//! about them.
#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU16,
    time::Duration,
};

use dsr::{
    health::{Histogram, ReportedState},
    metrics::{
        self, AgentReportSample, BackendSample, CheckSample, ClaimSample, DrainingSample, MemberSample, OverrideSample,
        ReasonSample, Snapshot, StateSample, TrackingSample, TunnelErrorSample, UncheckedSample,
    },
    model::{Cause, Port, Protocol},
    tunnel_errors::ErrorKind,
};
use dsr_common::stats::{Reason, Tracking};
use dsr_lab::{self as lab, Samples};

/// One metric.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Family {
    /// `counter`, `gauge` or `histogram`.
    pub(crate) kind: String,
    /// The names of its labels.
    pub(crate) labels: BTreeSet<String>,
}

/// Every metric by its name.
pub(crate) async fn families() -> BTreeMap<String, Family> {
    let text = scrape().await;
    let samples = Samples::parse(&text).unwrap();
    let kinds = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    kinds.map(|(name, kind)| (name.to_owned(), family(name, kind, &samples))).collect()
}

/// The names of metrics in a text, a query say; a histogram's buckets go by its name.
pub(crate) fn names_in(text: &str) -> BTreeSet<&str> {
    let reports = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    reports
        .filter(|report| report.starts_with("dsr_"))
        .map(|report| report.strip_suffix("_bucket").unwrap_or(report))
        .collect()
}

fn family(name: &str, kind: &str, samples: &Samples) -> Family {
    let parts = if kind == "histogram" { format!("{name}_count") } else { name.to_owned() };
    let sample = samples.named(&parts).next().unwrap_or_else(|| panic!("the snapshot below has no sample of {name}"));
    Family { kind: kind.to_owned(), labels: sample.labels.keys().cloned().collect() }
}

async fn scrape() -> String {
    let listener = metrics::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(metrics::serve(listener, || Ok::<_, String>(snapshot())));
    let answer = lab::get(address, "/metrics", Duration::from_secs(10)).await.unwrap();
    String::from_utf8(answer.body.to_vec()).unwrap()
}

/// A sample of everything.
fn snapshot() -> Snapshot {
    let member = MemberSample {
        service: "www".into(),
        vip: "192.0.2.10".parse().unwrap(),
        protocol: Protocol::Tcp,
        port: Port::One(NonZeroU16::new(80).unwrap()),
        backend: "web1".into(),
        packets: 1,
        bytes: 1,
        new_flows: 1,
        loops: 1,
        slots: 1,
    };
    let reason = |reason: &Reason| ReasonSample { reason: *reason, interface: "eth0".into(), packets: 1 };
    let backend = BackendSample {
        pool: "web".into(),
        backend: "web1".into(),
        reachable: false,
        cause: Some("no route to it".into()),
    };
    let claim = ClaimSample {
        vip: "192.0.2.10".parse().unwrap(),
        mac: "02:00:00:00:01:02".into(),
        backend: "web2".into(),
        claims: 1,
        holds: true,
    };
    let check = CheckSample {
        pool: "web".into(),
        backend: "web1".into(),
        service: "www".into(),
        healthy: false,
        took: Histogram::default(),
    };
    let state =
        StateSample { pool: "web".into(), backend: "web1".into(), service: "www".into(), cause: Cause::VipMissing };
    Snapshot {
        members: vec![member],
        reasons: Reason::ALL.iter().map(reason).collect(),
        backends: vec![backend],
        claims: vec![claim],
        tunnel_errors: vec![TunnelErrorSample {
            pool: "web".into(),
            backend: "web1".into(),
            kind: ErrorKind::TooBig,
            errors: 1,
        }],
        checks: vec![check],
        states: vec![state],
        unchecked: vec![UncheckedSample { pool: "web".into(), backend: "web1".into(), service: "www".into() }],
        fallbacks: vec![("www".into(), true)],
        reports: vec![AgentReportSample {
            pool: "web".into(),
            backend: "web1".into(),
            said: ReportedState { answers: Some(true), ..ReportedState::default() },
        }],
        overrides: vec![OverrideSample { pool: "web".into(), backend: "web1".into(), since: 1 }],
        tracking: TrackingSample {
            slots: vec![("www".into(), 1)],
            packets: Tracking::ALL.iter().map(|event| (*event, 1)).collect(),
            draining: vec![DrainingSample { service: "www".into(), backend: "web1".into(), drained: true }],
            ..TrackingSample::default()
        },
        ..Snapshot::default()
    }
}
