//! The text, line by line.

use std::{num::NonZeroU16, time::Duration};

use dsr_common::stats::{Reason, Tracking};

use super::*;
use crate::{
    metrics::{BackendSample, ClaimSample, DrainingSample, ReasonSample, Reloads},
    model::{AgentReport, Cause, Port, Protocol},
    tunnel_errors::ErrorKind,
};

fn member() -> MemberSample {
    MemberSample {
        service: "www".into(),
        vip: "192.0.2.10".parse().unwrap(),
        protocol: Protocol::Tcp,
        port: Port::One(NonZeroU16::new(80).unwrap()),
        backend: "web1".into(),
        packets: 7,
        bytes: u64::MAX,
        new_flows: 0,
        loops: 3,
        slots: 340,
    }
}

/// A backend whose probes took two milliseconds and eight seconds.
fn check() -> CheckSample {
    let mut took = Histogram::default();
    took.record(Duration::from_millis(2));
    took.record(Duration::from_secs(8));
    CheckSample { pool: "web".into(), backend: "web1".into(), service: "www".into(), healthy: false, took }
}

/// What a backend says that has a number for its name.
fn report(percent: u16, drains: bool) -> AgentReportSample {
    let report = AgentReport { percent, drains, is_down: false };
    AgentReportSample {
        pool: "web".into(),
        backend: format!("web{percent}"),
        said: ReportedState { report, answers: Some(!drains) },
    }
}

fn bucket(bound: &str, count: u64) -> String {
    format!(r#"dsr_backend_probe_seconds_bucket{{le="{bound}",pool="web",backend="web1",service="www"}} {count}"#)
}

fn text(snapshot: Snapshot) -> String {
    encode(snapshot).unwrap()
}

/// One of each.
fn snapshot() -> Snapshot {
    let backend = |name: &str, cause: Option<&str>| BackendSample {
        pool: "web".into(),
        backend: name.into(),
        reachable: cause.is_none(),
        cause: cause.map(Into::into),
    };
    Snapshot {
        members: vec![member()],
        reasons: vec![ReasonSample { reason: Reason::DropNoService, interface: "eth0".into(), packets: 3 }],
        backends: vec![backend("web1", None), backend("web2", Some("it does not answer ARP"))],
        claims: vec![ClaimSample {
            vip: "192.0.2.10".parse().unwrap(),
            mac: "02:00:00:00:01:02".into(),
            backend: "web2".into(),
            claims: 5,
            holds: true,
        }],
        tunnel_errors: vec![TunnelErrorSample {
            pool: "web".into(),
            backend: "web1".into(),
            kind: ErrorKind::PortUnreachable,
            errors: 11,
        }],
        claims_lost: 6,
        checks: vec![check()],
        states: vec![StateSample {
            pool: "web".into(),
            backend: "web1".into(),
            service: "www".into(),
            cause: Cause::VipMissing,
        }],
        unchecked: vec![UncheckedSample { pool: "web".into(), backend: "web3".into(), service: "www".into() }],
        local_errors: 8,
        log_lines_lost: 4,
        fallbacks: vec![("www".into(), true)],
        reports: vec![report(60, false), report(75, true)],
        tracking: TrackingSample {
            slots: vec![("www".into(), 5)],
            flows: 3,
            embryonic: 2,
            packets: vec![(Tracking::Hit, 9)],
            draining: vec![DrainingSample { service: "www".into(), backend: "web1".into(), drained: true }],
        },
        overrides: vec![OverrideSample { pool: "web".into(), backend: "web2".into(), since: 1_700_000_000 }],
        reload: Reloads { ok: 2, error: 1 },
        config_refused: true,
        config_hash: 42,
    }
}

#[test]
fn every_family_has_its_name_its_type_and_its_labels() {
    let text = text(snapshot());
    let labels = r#"{service="www",vip="192.0.2.10",protocol="tcp",port="80",backend="web1"}"#;
    let expected = [
        "# TYPE dsr_member_packets_total counter".to_owned(),
        format!("dsr_member_packets_total{labels} 7"),
        "# TYPE dsr_member_bytes_total counter".to_owned(),
        format!("dsr_member_bytes_total{labels} {}", u64::MAX),
        "# TYPE dsr_member_new_flows_total counter".to_owned(),
        format!("dsr_member_new_flows_total{labels} 0"),
        "# TYPE dsr_member_loops_total counter".to_owned(),
        format!("dsr_member_loops_total{labels} 3"),
        "# TYPE dsr_member_slots gauge".to_owned(),
        format!("dsr_member_slots{labels} 340"),
        "# TYPE dsr_reason_packets_total counter".to_owned(),
        r#"dsr_reason_packets_total{reason="drop_no_service",interface="eth0"} 3"#.to_owned(),
        "# TYPE dsr_backend_reachable gauge".to_owned(),
        r#"dsr_backend_reachable{pool="web",backend="web1"} 1"#.to_owned(),
        r#"dsr_backend_reachable{pool="web",backend="web2"} 0"#.to_owned(),
        "# TYPE dsr_backend_unreachable gauge".to_owned(),
        r#"dsr_backend_unreachable{pool="web",backend="web2",cause="it does not answer ARP"} 1"#.to_owned(),
        "# TYPE dsr_backend_tunnel_icmp_errors_total counter".to_owned(),
        r#"dsr_backend_tunnel_icmp_errors_total{pool="web",backend="web1",kind="port-unreachable"} 11"#.to_owned(),
        "# TYPE dsr_backend_healthy gauge".to_owned(),
        r#"dsr_backend_healthy{pool="web",backend="web1",service="www"} 0"#.to_owned(),
        "# TYPE dsr_backend_probe_seconds histogram".to_owned(),
        r#"dsr_backend_probe_seconds_sum{pool="web",backend="web1",service="www"} 8.002"#.to_owned(),
        r#"dsr_backend_probe_seconds_count{pool="web",backend="web1",service="www"} 2"#.to_owned(),
        bucket("0.0005", 0),
        bucket("0.001", 0),
        bucket("0.0025", 1),
        bucket("0.005", 1),
        bucket("0.01", 1),
        bucket("0.025", 1),
        bucket("0.05", 1),
        bucket("0.1", 1),
        bucket("0.25", 1),
        bucket("0.5", 1),
        bucket("1.0", 1),
        bucket("2.5", 1),
        bucket("5.0", 1),
        bucket("+Inf", 2),
        "# TYPE dsr_backend_unchecked gauge".to_owned(),
        r#"dsr_backend_unchecked{pool="web",backend="web3",service="www"} 1"#.to_owned(),
        "# TYPE dsr_probe_local_errors_total counter".to_owned(),
        "dsr_probe_local_errors_total 8".to_owned(),
        "# TYPE dsr_backend_state gauge".to_owned(),
        r#"dsr_backend_state{pool="web",backend="web1",service="www",cause="vip-missing"} 1"#.to_owned(),
        "# TYPE dsr_service_on_fallback gauge".to_owned(),
        r#"dsr_service_on_fallback{service="www"} 1"#.to_owned(),
        "# TYPE dsr_agent_check_answered gauge".to_owned(),
        r#"dsr_agent_check_answered{pool="web",backend="web60"} 1"#.to_owned(),
        r#"dsr_agent_check_answered{pool="web",backend="web75"} 0"#.to_owned(),
        "# TYPE dsr_agent_check_percent gauge".to_owned(),
        r#"dsr_agent_check_percent{pool="web",backend="web60"} 60"#.to_owned(),
        r#"dsr_agent_check_percent{pool="web",backend="web75"} 0"#.to_owned(),
        "# TYPE dsr_arp_claims_total counter".to_owned(),
        r#"dsr_arp_claims_total{vip="192.0.2.10",mac="02:00:00:00:01:02",backend="web2"} 5"#.to_owned(),
        "# TYPE dsr_vip_claimed gauge".to_owned(),
        r#"dsr_vip_claimed{vip="192.0.2.10",mac="02:00:00:00:01:02",backend="web2"} 1"#.to_owned(),
        "# TYPE dsr_arp_claims_lost_total counter".to_owned(),
        "dsr_arp_claims_lost_total 6".to_owned(),
        "# TYPE dsr_slots_tracked gauge".to_owned(),
        r#"dsr_slots_tracked{service="www"} 5"#.to_owned(),
        "# TYPE dsr_flows gauge".to_owned(),
        r#"dsr_flows{state="known"} 3"#.to_owned(),
        r#"dsr_flows{state="new"} 2"#.to_owned(),
        "# TYPE dsr_tracking_total counter".to_owned(),
        r#"dsr_tracking_total{event="hit"} 9"#.to_owned(),
        "# TYPE dsr_backend_drained gauge".to_owned(),
        r#"dsr_backend_drained{service="www",backend="web1"} 1"#.to_owned(),
        "# TYPE dsr_reload_total counter".to_owned(),
        r#"dsr_reload_total{result="ok"} 2"#.to_owned(),
        r#"dsr_reload_total{result="error"} 1"#.to_owned(),
        "# TYPE dsr_config_in_force gauge".to_owned(),
        "dsr_config_in_force 0".to_owned(),
        "# TYPE dsr_override_timestamp_seconds gauge".to_owned(),
        r#"dsr_override_timestamp_seconds{pool="web",backend="web2"} 1700000000"#.to_owned(),
        "# TYPE dsr_config_hash gauge".to_owned(),
        "dsr_config_hash 42".to_owned(),
        "# TYPE dsr_log_lines_lost_total counter".to_owned(),
        "dsr_log_lines_lost_total 4".to_owned(),
        "# TYPE dsr_build_info gauge".to_owned(),
        format!(r#"dsr_build_info{{version="{}"}} 1"#, env!("DSR_VERSION")),
    ];
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with("# HELP")).collect();
    assert_eq!(lines, expected);
}

#[test]
fn every_family_says_what_it_is() {
    let text = text(Snapshot::default());
    for name in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()) {
        assert!(text.contains(&format!("# HELP {name} ")), "{name} has no HELP");
    }
}

#[test]
fn label_values_are_escaped() {
    let service = "a\"b\\c\nd".to_owned();
    let text = text(Snapshot { members: vec![MemberSample { service, ..member() }], ..Snapshot::default() });
    assert!(text.contains(r#"dsr_member_packets_total{service="a\"b\\c\nd",vip="#), "{text}");
}

#[test]
fn the_hash_survives_being_a_double() {
    let text = text(Snapshot { config_hash: u64::MAX, ..Snapshot::default() });
    let value = text.lines().find_map(|line| line.strip_prefix("dsr_config_hash ")).unwrap();
    let whole: u64 = value.parse().unwrap();
    assert_eq!(whole, (1 << CONFIG_HASH_BITS) - 1);
    assert_eq!(value.parse::<f64>().unwrap() as u64, whole);
}
