//! What a backend answers when it is asked what it can take. Pure.
//!
//! Words that are divided by white space or commas, in any order and in any case of letters, up to the end of the line (CR or
//! LF); of several that speak of the same the last one counts (`HAProxy`, configuration manual, `agent-check`, and
//! `src/tcpcheck.c`). What follows a `#` is for people. What is not spoken of stays as it was.

use crate::model::AgentReport;

/// What one answer says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    percent: Option<u16>,
    drains: Option<bool>,
    is_down: Option<bool>,
    /// What is there for people.
    pub(super) remark: String,
}

impl Answer {
    /// Reads an answer; nothing where no word of it is known.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let line = text.split(['\r', '\n']).next().unwrap_or_default();
        let (reports, remark) = line.split_once('#').unwrap_or((line, ""));
        let mut answer = Self { remark: remark.trim().to_owned(), ..Self::default() };
        let reports = reports.split(|c: char| c.is_ascii_whitespace() || c == ',').filter(|report| !report.is_empty());
        let known = reports.filter(|report| answer.take(&report.to_ascii_lowercase())).count();
        (known > 0).then_some(answer)
    }

    /// Takes a word in; whether it is a known one.
    fn take(&mut self, report: &str) -> bool {
        match report {
            "up" => self.is_down = Some(false),
            "down" | "fail" | "failed" | "stopped" => self.is_down = Some(true),
            "ready" => self.drains = Some(false),
            "drain" | "maint" => self.drains = Some(true),
            // Connections are not counted here: with Direct Server Return their ends are not seen.
            report if report.starts_with("maxconn:") => {}
            report => {
                let number = report.strip_suffix('%').filter(|number| number.bytes().all(|c| c.is_ascii_digit()));
                let percent = number.and_then(|number| number.parse::<u16>().ok());
                let Some(percent) = percent.filter(|percent| *percent <= MOST) else { return false };
                self.percent = Some(percent);
            }
        }
        true
    }

    /// What holds with this answer, after `before`.
    pub(super) fn after(&self, before: AgentReport) -> AgentReport {
        let percent = self.percent.unwrap_or(before.percent);
        let is_end = percent == 0 || percent == 100 || before.percent == 0;
        let moves = is_end || percent.abs_diff(before.percent) >= LEAST_CHANGE;
        AgentReport {
            percent: if moves { percent } else { before.percent },
            drains: self.drains.unwrap_or(before.drains),
            is_down: self.is_down.unwrap_or(before.is_down),
        }
    }
}

/// As `HAProxy` has it.
const MOST: u16 = 256;
/// Percentage points: small fluctuations of the load must not move flows with each answer.
const LEAST_CHANGE: u16 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn after(answers: &[&str]) -> String {
        let fold = |report, text: &&str| Answer::parse(text).unwrap().after(report);
        answers.iter().fold(AgentReport::default(), fold).to_string()
    }

    #[test]
    fn words_are_read_in_any_order() {
        assert_eq!(after(&["75%\n"]), "75%");
        assert_eq!(after(&["up ready 30%\r\n"]), "30%");
        assert_eq!(after(&["50%,MAXCONN:30, Drain"]), "drain");
        assert_eq!(after(&["ready", "down # the disk is full, 99% used"]), "down");
        assert_eq!(Answer::parse("failed #\tno database ").unwrap().remark, "no database");
        assert_eq!(after(&["fail # no database"]), "down");
        assert_eq!(after(&["down\rup"]), "down", "a line ends where HAProxy ends it");
        assert_eq!(Answer::parse("0%\n100%").unwrap().after(AgentReport::default()).percent, 0, "one line is read");
    }

    #[test]
    fn every_word_of_haproxy_is_known() {
        for report in ["up", "down", "fail", "stopped", "ready", "drain", "maint", "0%", "256%", "maxconn:100"] {
            for text in
                [report.to_owned(), report.to_uppercase(), format!("\t{report},\n"), format!(", {report}#x\r\n")]
            {
                assert!(Answer::parse(&text).is_some(), "{text:?}");
            }
        }
        for (reports, last) in
            [("down up", "100%"), ("up,stopped", "down"), ("10%\t20%", "20%"), ("drain ready", "100%")]
        {
            assert_eq!(after(&[reports]), last, "of two words the last one counts: {reports}");
        }
    }

    #[test]
    fn what_is_not_said_stays() {
        assert_eq!(after(&["40%", "down", "up"]), "40%");
        assert_eq!(after(&["drain", "60%"]), "drain");
        assert_eq!(after(&["maint", "60%", "ready"]), "60%");
        assert_eq!(after(&["down", "75%"]), "down");
    }

    #[test]
    fn a_small_change_moves_nothing() {
        assert_eq!(after(&["50%", "54%"]), "50%");
        assert_eq!(after(&["50%", "54%", "55%"]), "55%");
        assert_eq!(after(&["98%", "100%"]), "100%");
        assert_eq!(after(&["2%", "0%", "1%"]), "1%");
    }

    #[test]
    fn what_is_no_answer_says_nothing() {
        for text in ["", "\n", "hello", "75", "-1%", "+1%", "257%", "%", "# down", "<html>"] {
            assert_eq!(Answer::parse(text), None, "{text:?}");
        }
        assert!(Answer::parse("busy 10%").is_some(), "words that are not known are passed over");
    }
}
