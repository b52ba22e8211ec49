//! What a test run did: its steps, how long each took, and what libtest counted.

use std::{
    fmt,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

/// The steps so far, in order.
#[derive(Default)]
pub(crate) struct Report {
    lines: Vec<String>,
}

/// Sums over the test programs of one `cargo test`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    programs: u32,
    passed: u32,
    failed: u32,
    ignored: u32,
    /// Cargo's own verdict: a program that does not compile or crashes counts nothing.
    cargo_succeeded: bool,
}

impl Report {
    /// Does a step and notes how it went.
    pub(crate) fn record<T>(&mut self, name: &str, step: impl FnOnce() -> Result<T>) -> Result<T> {
        let started = Instant::now();
        let result = step();
        self.note(name, if result.is_ok() { "ok" } else { "FAILED" }, started.elapsed());
        result
    }

    /// Notes what the tests did.
    pub(crate) fn tests(&mut self, counts: Counts, took: Duration) {
        self.note("tests", &counts.to_string(), took);
    }

    /// Notes what the tests on another kernel did.
    pub(crate) fn machine(&mut self, name: &str, how: &str, took: Duration) {
        self.note(name, how, took);
    }

    fn note(&mut self, name: &str, how: &str, took: Duration) {
        self.lines.push(format!("{name:<13} {how} ({:.1} s)", took.as_secs_f64()));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "summary")?;
        self.lines.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl Counts {
    /// Runs `cargo test`, shows its output as it comes, and counts.
    pub(crate) fn of(command: &mut Command) -> Result<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn().context("starting cargo test")?;
        let mut counts = Self::default();
        let stdout = child.stdout.take().context("cargo test has no stdout")?;
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.context("reading cargo test")?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            counts.add(&line);
        }
        counts.cargo_succeeded = child.wait().context("waiting for cargo test")?.success();
        Ok(counts)
    }

    /// Whether cargo and every test succeeded.
    pub(crate) fn passed(self) -> bool {
        self.cargo_succeeded && self.failed == 0
    }

    /// Adds one line of output: `test result: ok. 3 passed; 0 failed; 1 ignored; ...`.
    fn add(&mut self, line: &str) {
        let Some((_, result)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else {
            return;
        };
        self.programs += 1;
        for part in result.split("; ") {
            match part.split_once(' ').map(|(number, what)| (number.parse().unwrap_or(0), what)) {
                Some((number, "passed")) => self.passed += number,
                Some((number, "failed")) => self.failed += number,
                Some((number, "ignored")) => self.ignored += number,
                _ => {}
            }
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { programs, passed, failed, ignored, .. } = self;
        let verdict = if self.passed() { "ok" } else { "FAILED" };
        write!(f, "{verdict}: {passed} passed, {failed} failed, {ignored} ignored in {programs} programs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_added_up() {
        let mut counts = Counts { cargo_succeeded: true, ..Counts::default() };
        counts.add("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        counts.add("test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out");
        counts.add("test maglev::share ... ok");
        assert_eq!(counts.to_string(), "FAILED: 5 passed, 1 failed, 1 ignored in 2 programs");
    }

    #[test]
    fn a_program_that_does_not_compile_is_a_failure() {
        assert!(!Counts::default().passed());
    }
}
