//! A real Prometheus server scrapes the agent, and promtool has nothing to say about what it reads.

use std::{fs, net::SocketAddr, path::Path, process::Command, time::Duration};

use dsr_lab::{self as lab, Lab};
use dsr_tests::lab::{
    Configuration, agent, curl, eventually,
    process::{Daemon, finish},
};
use serde_json::Value;

fn balanced() -> Lab {
    let mut lab = Lab::builder().build().unwrap();
    agent::start(&Configuration::of(&lab), &mut lab);
    assert_eq!(curl::request_many(&lab, REQUESTS).good, u64::from(REQUESTS));
    lab
}

#[test]
#[ignore = "needs root"]
fn prometheus_answers_for_the_sums() {
    let lab = balanced();
    let mut prometheus = start(&lab);
    let mut ask = |query: &str| {
        prometheus.assert_running();
        value(&lab, query)
    };
    let answer_arp = [("reason", "answer_arp")];
    for (query, name, labels) in [
        ("sum(dsr_member_new_flows_total)", "dsr_member_new_flows_total", &[][..]),
        ("sum(dsr_member_packets_total{service='www'})", "dsr_member_packets_total", &[]),
        ("sum(dsr_member_bytes_total{port='80',protocol='tcp'})", "dsr_member_bytes_total", &[]),
        ("sum(dsr_member_slots{vip='10.77.0.10'})", "dsr_member_slots", &[]),
        ("dsr_reason_packets_total{interface='eth0',reason='answer_arp'}", "dsr_reason_packets_total", &answer_arp),
        ("dsr_config_hash", "dsr_config_hash", &[]),
    ] {
        eventually(&format!("right answer to {query}"), || {
            let expected = agent::running(&lab).scrape().ok()?.sum(name, labels);
            assert!(expected > 0.0, "{query}");
            ask(query).filter(|value| (value - expected).abs() < 0.5)
        });
    }
    let flows = ask("sum(dsr_member_new_flows_total)").unwrap();
    assert!(flows >= f64::from(REQUESTS), "{flows}");
}

#[test]
#[ignore = "needs root"]
fn promtool_finds_nothing() {
    let lab = balanced();
    let text = lab.directory().join("metrics.txt");
    fs::write(&text, get(&lab, METRICS, "/metrics").unwrap()).unwrap();
    let mut promtool = Command::new("sh");
    let output = finish(promtool.args(["-c", "exec promtool check metrics <\"$1\"", "sh"]).arg(&text));
    assert!(output.status.success() && output.stderr.is_empty() && output.stdout.is_empty(), "{output:?}");
}

#[test]
fn alerts_fire_for_what_they_are_for() {
    let at = |path: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let mut check = Command::new("promtool");
    let output = finish(check.args(["check", "rules"]).arg(at("../deploy/prometheus-rules.yaml")));
    assert!(output.status.success(), "{output:?}");
    let mut test = Command::new("promtool");
    let output = finish(test.args(["test", "rules"]).arg(at("tests/service/alerts.yaml")));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn every_alert_is_shown_to_fire() {
    let at = |path: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let (rules, cases) = (at("../deploy/prometheus-rules.yaml"), at("tests/service/alerts.yaml"));
    let alerts: Vec<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(!alerts.is_empty());
    for alert in alerts {
        // Alone on its line: the case in which it fires has the alerts that are expected after it.
        let fires = cases.lines().any(|line| line.trim() == format!("alertname: {alert}"));
        assert!(fires, "no case shows when {alert} fires");
    }
}

/// Starts a server in the balancer's namespace that scrapes the agent a few times a second.
fn start(lab: &Lab) -> Daemon {
    let directory = lab.directory().join("prometheus");
    fs::create_dir(&directory).unwrap();
    let file = directory.join("prometheus.yml");
    let text = format!(
        "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\n\
         scrape_configs:\n  - {{job_name: dsr, static_configs: [{{targets: ['{METRICS}']}}]}}\n"
    );
    fs::write(&file, text).unwrap();
    let mut command = lab.balancer().command("prometheus").unwrap();
    command.current_dir(&directory).env("GOMAXPROCS", "1").arg(format!("--config.file={}", file.display()));
    command.arg(format!("--storage.tsdb.path={}", directory.join("data").display()));
    command.args(["--storage.tsdb.retention.size=16MB", "--log.level=warn"]);
    command.arg(format!("--web.listen-address={SERVER}"));
    Daemon::start(&mut command, &directory.join("prometheus.log"))
}

/// The one value that a query has, if it has one yet.
fn value(lab: &Lab, query: &str) -> Option<f64> {
    let escaped = query.bytes().fold(String::new(), |escaped, byte| escaped + &format!("%{byte:02x}"));
    let answer: Value = serde_json::from_str(&get(lab, SERVER, &format!("/api/v1/query?query={escaped}"))?).ok()?;
    answer["data"]["result"][0]["value"][1].as_str()?.parse().ok()
}

fn get(lab: &Lab, address: &str, path: &str) -> Option<String> {
    let address: SocketAddr = address.parse().unwrap();
    let answer = lab.balancer().block_on(|| lab::get(address, path, TIMEOUT)).unwrap().ok()?;
    answer.status.is_success().then(|| String::from_utf8_lossy(&answer.body).into_owned())
}

const REQUESTS: u32 = 100;
const METRICS: &str = "127.0.0.1:9650";
const SERVER: &str = "127.0.0.1:9090";
const TIMEOUT: Duration = Duration::from_secs(5);
