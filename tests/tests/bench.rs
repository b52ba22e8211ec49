//! The measurement works: `cargo xtask bench` with few rounds. It verifies every program's frames itself, and fails where
//! one is wrong; times are not checked here.
#![allow(missing_docs, clippy::unwrap_used)]

use std::process::{Command, Output};

use serde_json::Value;

/// Rows of the report.
const NAMES: [&str; 20] = [
    "tx",
    "stock",
    "lru",
    "dsr",
    "dsr+redirect",
    "dsr+vlan",
    "dsr+ipv6",
    "dsr+any",
    "dsr+jumbo",
    "dsr+all",
    "tx ipv6",
    "stock ipv6",
    "tx tag",
    "tx tag in",
    "dsr tag",
    "dsr tag in",
    "dsr tag out",
    "dsr other interface",
    "dsr ipv6",
    "dsr ipv6 tag",
];

fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bench")).args(arguments).output().unwrap()
}

#[test]
#[ignore = "needs root"]
fn the_bench_verifies_and_measures_every_program() {
    let output = bench(&["--quick", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let programs = report["programs"].as_array().unwrap();
    for name in NAMES {
        let program = programs.iter().find(|program| program["name"] == name);
        let program = program.unwrap_or_else(|| panic!("{name} is not measured: {report:#}"));
        let loads = program["loads"].as_array().unwrap();
        assert!(
            loads.iter().any(|load| load["syn"] == true)
                && loads.iter().any(|load| load["udp"] == true)
                && loads.iter().any(|load| load["syn"] == false && load["udp"] == false),
            "{name}"
        );
        for load in loads {
            assert!(load["gross_ns"].as_f64().is_some_and(|ns| ns > 0.0), "{name} took no time: {program:#}");
        }
    }
}

#[test]
#[ignore = "needs root"]
fn a_program_that_there_is_not_is_named() {
    let output = bench(&["--quick", "--only", "dsr,drs"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("no program is called drs: write one of tx, stock"), "{said}");
}
