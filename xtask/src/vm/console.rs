//! What the virtual machine reports on its second serial port: `ok CASE SECONDS`, `failed CASE SECONDS`, `exit CODE`.
//! Pure.

use std::fmt;

/// What a virtual machine came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    passed: Vec<String>,
    failed: Vec<String>,
    ending: Ending,
}

/// How the command ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Ending {
    Exit(i32),
    /// The machine ended without saying so: the kernel panicked, or could not start.
    #[default]
    Silent,
    /// The time was over.
    TimeOut,
}

impl Outcome {
    /// Reads the report of a machine that ended by itself.
    pub(super) fn parse(report: &str) -> Self {
        let mut outcome = Self::default();
        for line in report.lines() {
            let mut words = line.split_whitespace();
            match (words.next(), words.next()) {
                (Some("ok"), Some(case)) => outcome.passed.push(case.to_owned()),
                (Some("failed"), Some(case)) => outcome.failed.push(case.to_owned()),
                (Some("exit"), Some(code)) => outcome.ending = code.parse().map_or(Ending::Silent, Ending::Exit),
                _ => {}
            }
        }
        outcome
    }

    /// The same for a machine that had to be stopped.
    pub(super) fn timed_out(self) -> Self {
        Self { ending: Ending::TimeOut, ..self }
    }

    /// Whether the command succeeded and no case failed.
    pub(super) fn passed(&self) -> bool {
        self.ending == Ending::Exit(0) && self.failed.is_empty()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.passed() { "ok" } else { "FAILED" })?;
        let cases = self.passed.len() + self.failed.len();
        if cases > 0 {
            write!(f, ", {} of {cases} cases passed", self.passed.len())?;
        }
        if !self.failed.is_empty() {
            write!(f, ", not {}", self.failed.join(", "))?;
        }
        match self.ending {
            Ending::Exit(0) => Ok(()),
            Ending::Exit(code) => write!(f, ", exit code {code}"),
            Ending::Silent => f.write_str(", it ended without a result: see its last lines above"),
            Ending::TimeOut => f.write_str(", stopped: it took too long"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_cases_and_the_exit_code_have_to_be_good() {
        let good = Outcome::parse("ok kernel 1\r\nok vlan 3\r\nexit 0\r\n");
        assert!(good.passed());
        assert_eq!(good.to_string(), "ok, 2 of 2 cases passed");
        let bad = Outcome::parse("ok kernel 1\nfailed vlan 3\nexit 1\n");
        assert!(!bad.passed());
        assert_eq!(bad.to_string(), "FAILED, 1 of 2 cases passed, not vlan, exit code 1");
    }

    #[test]
    fn a_machine_that_says_nothing_has_failed() {
        assert!(!Outcome::parse("ok kernel 1\n").passed());
        assert!(!Outcome::parse("ok kernel 1\nexit 0\n").timed_out().passed());
        assert!(Outcome::parse("exit 0").passed());
    }
}
