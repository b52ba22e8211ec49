//! What a test run did: its steps, how long each took, and what libtest counted.

use std::{
    fmt,
    time::{Duration, Instant},
};

use anyhow::Result;

/// The steps so far, in order.
#[derive(Default)]
pub(crate) struct Report {
    lines: Vec<String>,
}

/// Sums over test programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    programs: u32,
    passed: u32,
    failed: u32,
    ignored: u32,
    /// Programs that failed as a whole: one that crashes does not say what it counted.
    failures: u32,
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
    /// Counts the output of a test program, or of cargo's documentation tests.
    pub(crate) fn of(output: &str, succeeded: bool) -> Self {
        let mut counts = Self { failures: u32::from(!succeeded), ..Self::default() };
        output.lines().for_each(|line| counts.add(line));
        counts
    }

    /// Adds those of another program.
    pub(crate) fn add_program(&mut self, other: Self) {
        self.programs += other.programs;
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.failures += other.failures;
    }

    /// Whether no test ran.
    pub(crate) fn is_empty(self) -> bool {
        self.passed + self.failed + self.ignored == 0
    }

    /// Whether every program and every test succeeded.
    pub(crate) fn passed(self) -> bool {
        self.programs > 0 && self.failures == 0 && self.failed == 0
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
        let good = "test maglev::share ... ok\n\
                    test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        let mut counts = Counts::of(good, true);
        assert!(counts.passed());
        let bad = "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out";
        counts.add_program(Counts::of(bad, false));
        assert_eq!(counts.to_string(), "FAILED: 5 passed, 1 failed, 1 ignored in 2 programs");
    }

    #[test]
    fn a_program_that_crashes_is_a_failure() {
        let mut counts = Counts::of("test result: ok. 3 passed; 0 failed; 0 ignored", true);
        counts.add_program(Counts::of("signal: 11", false));
        assert!(!counts.passed());
        assert!(!Counts::default().passed(), "no program ran");
    }
}
