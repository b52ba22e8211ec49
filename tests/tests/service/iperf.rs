//! iperf3, which sends as fast as it can, over TCP and UDP.

use dsr_lab::{Lab, Namespace};
use dsr_tests::lab::{
    Configuration, agent, eventually,
    process::{Daemon, finish},
};
use serde_json::Value;

/// A lab of one backend, since iperf3's two connections would reach two, that answers as iperf3 at the VIP.
fn lab() -> (Lab, Daemon) {
    let mut lab = Lab::builder().backends(1).without_http().build().unwrap();
    let configuration = Configuration::of(&lab);
    let configuration = configuration.service(&lab, "tcp", "tcp", PORT).service(&lab, "udp", "udp", PORT);
    agent::start(&configuration, &mut lab);
    let mut command = iperf(&lab, lab.backend(1).unwrap());
    let log = lab.directory().join("iperf3.log");
    let server = Daemon::start(command.args(["--server", "--bind", &lab.service().ip().to_string()]), &log);
    eventually("iperf3", || server.log().contains("Server listening").then_some(()));
    (lab, server)
}

fn iperf(lab: &Lab, namespace: &Namespace) -> std::process::Command {
    let mut command = namespace.command("iperf3").unwrap();
    command.args(["--port", &PORT.to_string(), "--forceflush"]).current_dir(lab.directory());
    command
}

/// Sends for [`SECONDS`]; gives iperf3's report.
fn send(lab: &Lab, arguments: &[&str]) -> Value {
    let mut command = iperf(lab, lab.client());
    command.args(["--client", &lab.service().ip().to_string(), "--json", "--time", SECONDS]).args(arguments);
    let output = finish(&mut command);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success() && report["error"].is_null(), "{report}");
    report
}

fn bytes_of(lab: &Lab, service: &str) -> u64 {
    let samples = agent::running(lab).scrape().unwrap();
    samples.sum("dsr_member_bytes_total", &[("service", service)]) as u64
}

#[test]
#[ignore = "needs root"]
fn iperf3_over_tcp_is_counted() {
    let (lab, _server) = lab();
    let mut replies = lab.watch_replies().unwrap();
    let report = send(&lab, &[]);
    let (sent, received) = (&report["end"]["sum_sent"], &report["end"]["sum_received"]);
    println!(
        "TCP: {} bytes, {:.0} Mbit/s, {} retransmissions",
        received["bytes"],
        received["bits_per_second"].as_f64().unwrap() / 1e6,
        sent["retransmits"]
    );
    let received = received["bytes"].as_u64().unwrap();
    assert!(received > 0 && bytes_of(&lab, "tcp") >= received, "{report}");
    assert_eq!(replies.seen().unwrap(), 0);
}

#[test]
#[ignore = "needs root"]
fn iperf3_over_udp_is_counted() {
    let (lab, _server) = lab();
    let mut replies = lab.watch_replies().unwrap();
    let report = send(&lab, &["--udp", "--bitrate", "50M"]);
    let sum = &report["end"]["sum"];
    println!("UDP: {} bytes, {} of {} datagrams lost", sum["bytes"], sum["lost_packets"], sum["packets"]);
    let number = |name: &str| sum[name].as_u64().unwrap();
    let (packets, lost) = (number("packets"), number("lost_packets"));
    // A datagram that never reached the balancer, for want of a buffer on the way, is not the balancer's to count.
    let arrived = number("bytes") / packets * (packets - lost);
    assert!(packets > lost && bytes_of(&lab, "udp") >= arrived, "{report}");
    assert_eq!(replies.seen().unwrap(), 0);
}

/// iperf3's own.
const PORT: u16 = 5201;
const SECONDS: &str = "5";
