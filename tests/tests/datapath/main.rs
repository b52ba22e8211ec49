//! Frames through the real program: verdict, frame and counters, byte by byte.
#![allow(missing_docs, clippy::unwrap_used)]

mod arp;
mod claims;
mod echo;
mod explain;
mod forget;
mod forward;
mod fragments;
mod interfaces;
mod one_client;
mod refuse;
mod source;
mod trace;
mod track;
mod vlans;

use std::collections::BTreeMap;

use dsr::datapath::Features;
use dsr_tests::program::{Counter, Outcome, Program, Verdict, desired, network};

/// What an agent with one interface and IPv4 services needs of the program. With everything switched on it is looked at by
/// the fixtures, and takes several times as long to load.
const NEEDED: Features = Features { redirect: false, ipv6: false, any: false, jumbo: false, ..Features::ALL };

/// The program as most tests want it.
fn program() -> Program {
    Program::load(desired(), &network(&[]), NEEDED).unwrap()
}

/// Asserts that a frame ended for one reason, unchanged, and that nothing else was counted.
fn assert_ends(program: &Program, what: &str, frame: &[u8], verdict: Verdict, reason: &'static str) {
    let outcome = program.run(frame).unwrap();
    let counted = BTreeMap::from([(Counter::Reason(reason), 1)]);
    assert_eq!(outcome, Outcome { verdict, frame: frame.to_vec(), counted }, "{what}");
}
