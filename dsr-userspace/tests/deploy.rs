//! What is in deploy/ can be read, and names metrics that the agent has.
#![allow(clippy::unwrap_used)]

use std::process::Command;

use serde_json::Value;

mod families;

use families::{families, names_in};

const DASHBOARD: &str = include_str!("../../deploy/grafana-dashboard.json");
const UNIT: &str = include_str!("../../deploy/dsr.service");
const RULES: &str = include_str!("../../deploy/prometheus-rules.yaml");

#[tokio::test]
async fn the_dashboard_asks_for_metrics_that_exist() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.iter().all(|panel| panel["title"].is_string()), "every panel has a title");
    let mut queries = Vec::new();
    strings(&dashboard, &["expr", "query", "definition"], &mut queries);
    assert_known(&queries).await;
}

#[tokio::test]
async fn the_dashboard_shows_every_metric() {
    let shown = names_in(DASHBOARD);
    for name in families().await.keys() {
        assert!(shown.contains(name.as_str()), "no panel shows {name}");
    }
}

#[test]
fn the_unit_allows_many_open_files() {
    let limit = UNIT.lines().find_map(|line| line.strip_prefix("LimitNOFILE=")).unwrap();
    // The usual hard limit of a service, which the agent raises its soft limit to.
    assert!(limit.parse::<u64>().unwrap() >= 524_288, "{limit}");
}

/// In tenths, and of 10. What remains is what the units are for: the host's network, BPF and, for the balancer, packet sockets.
const LARGEST_EXPOSURES: [(&str, &str); 2] = [("dsr.service", "22"), ("dsr-backend.service", "19")];

#[test]
fn units_are_confined() {
    for (unit, threshold) in LARGEST_EXPOSURES {
        let mut command = Command::new("systemd-analyze");
        command.args(["security", "--offline=yes", "--no-pager", "--threshold", threshold]);
        let output =
            command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/").to_owned() + unit).output().unwrap();
        assert!(output.status.success(), "{unit}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn no_example_serves_metrics_to_everybody() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
    let files = std::fs::read_dir(examples).unwrap().map(|entry| entry.unwrap().path());
    for file in files.filter(|file| file.extension().is_some_and(|extension| extension == "yaml")) {
        let text = std::fs::read_to_string(&file).unwrap();
        let values: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
        let Some(served) = values.get("metrics").and_then(|address| address.as_str()) else { continue };
        let address: std::net::SocketAddr = served.parse().unwrap();
        assert!(address.ip().is_loopback(), "{}: {served}", file.display());
    }
}

#[test]
fn panels_do_not_overlap() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut taken = std::collections::BTreeMap::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let at = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        for cell in (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y))) {
            assert!(cell.0 < 24, "{} is too far to the right", panel["title"]);
            let other = taken.insert(cell, &panel["title"]);
            assert!(other.is_none(), "{} lies over {other:?}", panel["title"]);
        }
    }
}

#[tokio::test]
async fn alerts_ask_for_metrics_that_exist() {
    let rules: Value = serde_yaml::from_str(RULES).unwrap();
    let mut queries = Vec::new();
    strings(&rules, &["expr"], &mut queries);
    assert_known(&queries).await;
    for rule in rules["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap()) {
        assert!(rule["annotations"]["summary"].is_string(), "{} has no summary", rule["alert"]);
    }
}

/// Every query names a metric, and no query one that the agent has not.
async fn assert_known(queries: &[&str]) {
    let families = families().await;
    assert!(!queries.is_empty());
    for query in queries {
        let names = names_in(query);
        assert!(!names.is_empty() || query.contains("up{") || *query == "prometheus", "{query} names no metric");
        for name in names {
            assert!(families.contains_key(name), "{name} does not exist: {query}");
        }
    }
}

/// The strings of members with these names, wherever they are.
fn strings<'a>(value: &'a Value, names: &[&str], found: &mut Vec<&'a str>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| strings(value, names, found)),
        Value::Object(members) => {
            for (name, value) in members {
                found.extend(value.as_str().filter(|_| names.contains(&name.as_str())));
                strings(value, names, found);
            }
        }
        _ => {}
    }
}
