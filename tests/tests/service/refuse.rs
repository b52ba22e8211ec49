//! What a VIP answers itself, and what it does not answer at all.

use dsr_lab::Lab;
use dsr_tests::lab::{Configuration, agent, counters::Sent, process::finish};

fn lab() -> Lab {
    let mut lab = Lab::builder().backends(1).build().unwrap();
    agent::start(&Configuration::of(&lab), &mut lab);
    lab
}

fn reason(lab: &Lab, reason: &str) -> u64 {
    agent::running(lab).scrape().unwrap().sum("dsr_reason_packets_total", &[("reason", reason)]) as u64
}

#[test]
#[ignore = "needs root"]
fn ping_is_answered() {
    let lab = lab();
    let vip = lab.service().ip().to_string();
    for size in ["0", "56", "1472"] {
        let before = reason(&lab, "answer_echo");
        let mut ping = lab.client().command("ping").unwrap();
        let output = finish(ping.args(["-c", "10", "-i", "0.01", "-W", "10", "-s", size, &vip]));
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("10 received"), "{size} bytes: {said}");
        assert!(!said.contains("wrong data"), "{said}");
        assert_eq!(reason(&lab, "answer_echo") - before, 10);
    }
    assert_eq!(agent::running(&lab).scrape().unwrap().sum("dsr_member_packets_total", &[]) as u64, 0);
}

#[test]
#[ignore = "needs root"]
fn a_port_without_service_is_silent() {
    let lab = lab();
    let before = Sent::read(lab.client());
    let mut curl = lab.client().command("curl").unwrap();
    let url = format!("http://{}:81/", lab.service().ip());
    let output = finish(curl.args(["--silent", "--show-error", "--connect-timeout", "2", &url]));
    assert_eq!(output.status.code(), Some(CURL_TIMED_OUT), "{output:?}");
    let sent = Sent::read(lab.client()) - before;
    assert!(sent.packets >= 1);
    assert_eq!((reason(&lab, "drop_no_service"), reason(&lab, "drop_no_backend")), (sent.packets, 0));
    assert_eq!(agent::running(&lab).scrape().unwrap().sum("dsr_member_packets_total", &[]) as u64, 0);
}

/// `CURLE_OPERATION_TIMEDOUT`: not refused, which would be 7.
const CURL_TIMED_OUT: i32 = 28;
