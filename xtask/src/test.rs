//! `cargo xtask test`: everything that can be checked on this machine, and what it needs for that.

use std::{
    env,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use clap::Args;

use crate::{
    apt, kernel, lint,
    process::{self, step},
    test_programs,
    test_report::Report,
    vm,
    workspace::Workspace,
};

/// Which tests.
#[derive(Args)]
pub(crate) struct Options {
    /// Run only tests whose name contains one of these, without lints; arguments after `--` go to the test programs.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    filter: Vec<String>,
}

/// Programs that the tests start, and Debian's package for each.
const PROGRAMS: [(&str, &str); 19] = [
    ("nginx", "nginx-light"),
    ("curl", "curl"),
    ("openssl", "openssl"),
    ("iperf3", "iperf3"),
    ("prometheus", "prometheus"),
    ("promtool", "prometheus"),
    ("ip", "iproute2"),
    ("ping", "iputils-ping"),
    ("nft", "nftables"),
    ("shellcheck", "shellcheck"),
    ("ifup", "ifupdown"),
    ("netplan", "netplan.io"),
    ("mcs", "mono-mcs"),
    ("tshark", "tshark"),
    ("zsh", "zsh"),
    ("fish", "fish"),
    ("mandoc", "mandoc"),
    ("ksh93", "ksh93u+m"),
    ("systemd-analyze", "systemd"),
];

/// The subcommand. A summary of what ran comes last, also if a step failed.
pub(crate) fn task(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut report = Report::default();
    let result = steps(workspace, options, &mut report);
    step(&report);
    result
}

/// A finding about format or lints does not keep the tests from running; all are reported in the end.
fn steps(workspace: &Workspace, options: &Options, report: &mut Report) -> Result<()> {
    let everything = options.filter.is_empty();
    let format = if everything { report.record("format", || lint::format(workspace)) } else { Ok(()) };
    report.record("programs", || install_programs(workspace))?;
    let object = report.record("kernel side", || kernel::build(workspace))?;
    let lints = if everything { report.record("lints", || lint::clippy(workspace, &object)) } else { Ok(()) };
    let started = Instant::now();
    let words: Vec<String> = options.filter.iter().filter(|word| *word != "--").cloned().collect();
    let counts = test_programs::run(workspace, &object, &words)?;
    report.tests(counts, started.elapsed());
    let machines = if everything { machines(workspace, report) } else { Ok(()) };
    if !counts.passed() {
        bail!("tests failed");
    }
    format.and(lints).and(machines)
}

/// The tests on other kernels. Where they cannot run, a developer gets a message; in CI that is a failure.
fn machines(workspace: &Workspace, report: &mut Report) -> Result<()> {
    if let Some(obstacle) = vm::obstacle().filter(|_| env::var_os("CI").is_none()) {
        report.machine("other kernels", &format!("skipped: {obstacle}"), Duration::ZERO);
        return Ok(());
    }
    let runs = vm::suite(workspace)?;
    for run in &runs {
        report.machine(&format!("kernel {}", run.kernel()), &run.summary(), run.took());
    }
    if runs.iter().all(vm::Run::passed) { Ok(()) } else { bail!("the tests failed on another kernel") }
}

fn install_programs(workspace: &Workspace) -> Result<()> {
    let _lock = workspace.lock()?;
    let missing = missing_packages(|program| process::find_program(program).is_some());
    if missing.is_empty() {
        step("the programs that the tests start are all there");
    }
    apt::install(&missing)
}

fn missing_packages(is_there: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let mut packages: Vec<_> =
        PROGRAMS.iter().filter(|(program, _)| !is_there(program)).map(|(_, package)| *package).collect();
    packages.dedup();
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_asked_for_once_and_only_when_missing() {
        assert_eq!(missing_packages(|_| true), Vec::<&str>::new());
        assert_eq!(missing_packages(|program| !program.starts_with("prom")), ["prometheus"]);
        assert_eq!(missing_packages(|program| program == "promtool").len(), PROGRAMS.len() - 1);
    }

    #[test]
    fn every_package_is_documented() {
        let page = include_str!("../../CONTRIBUTING.md");
        let (_, behind) = page.split_once("* Programs that the tests run").unwrap();
        let (named, _) = behind.split_once(".\n* ").unwrap();
        let mut named: Vec<_> = named.split('`').skip(1).step_by(2).collect();
        let mut packages: Vec<_> = PROGRAMS.iter().map(|(_, package)| *package).collect();
        for names in [&mut named, &mut packages] {
            names.sort_unstable();
            names.dedup();
        }
        assert_eq!(named, packages);
    }
}
