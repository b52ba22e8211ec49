//! The real agent watches for hosts that claim a VIP: it names them, and none where all is well.
#![allow(missing_docs, clippy::unwrap_used)]

mod active;
mod balancers;
mod passive;

use dsr_lab::{Lab, Namespace};
use dsr_tests::lab::{
    PATIENCE,
    agent::{running, wait_for_log},
    process::set,
};

/// A backend that answers ARP for every address that it has.
fn leak(backend: &Namespace) {
    for interface in ["all", "lo", "eth0"] {
        set(backend, &format!("ipv4.conf.{interface}.arp_ignore"), "0");
    }
}

/// Waits until a host's claim is counted.
fn wait_for_claim(lab: &Lab, vip: &str, backend: &str) {
    let claimed = |samples: &dsr_lab::Samples| samples.sum(CLAIMS, &[("vip", vip), ("backend", backend)]) > 0.0;
    running(lab).wait_until(&format!("a claim of {backend} to {vip}"), PATIENCE, claimed).unwrap();
}

/// How many claims there were of anybody but this one.
fn claims_of_others(lab: &Lab, backend: &str) -> u64 {
    // Of one scrape: it may claim once more between two.
    let samples = running(lab).scrape().unwrap();
    (samples.sum(CLAIMS, &[]) - samples.sum(CLAIMS, &[("backend", backend)])) as u64
}

/// The line of the agent's log that has all these words.
fn line(lab: &Lab, words: &[&str]) -> String {
    wait_for_log(running(lab), words)
}

const CLAIMS: &str = "dsr_arp_claims_total";
