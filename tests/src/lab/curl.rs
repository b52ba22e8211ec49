//! Real curl in a lab's client.

use std::collections::BTreeMap;

use dsr_lab::Lab;

use super::process::finish;

/// What came of many requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// How many lines of answers there were of each text: one a request, where backends answer with their names.
    pub bodies: BTreeMap<String, u64>,
    /// Requests that got status 200 on a connection of their own.
    pub good: u64,
}

/// Sends `requests` requests to the lab's service, a few at a time, each on a connection of its own.
///
/// # Panics
/// Where curl reports a failure.
#[must_use]
pub fn request_many(lab: &Lab, requests: u32) -> Answers {
    let mut command = lab.client().command("curl").expect("a command can be prepared");
    command.args(["--silent", "--show-error", "--fail", "--parallel", "--parallel-immediate", "--parallel-max", "8"]);
    // Else a new connection waits until it is known whether an older one can carry two requests at a time.
    command.args(["--http1.1", "--max-time", "30", "--header", "Connection: close"]);
    command.args(["--write-out", &format!("{STATUS}%{{http_code}} on %{{num_connects}}\n")]);
    command.arg(format!("http://{}/?[1-{requests}]", lab.service()));
    let output = finish(&mut command);
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "curl: {}\n{wrong}", output.status);
    let mut answers = Answers::default();
    for line in said.lines() {
        match line.strip_prefix(STATUS) {
            Some(status) => answers.good += u64::from(status == "200 on 1"),
            None => *answers.bodies.entry(line.to_owned()).or_default() += 1,
        }
    }
    answers
}

/// Begins the lines that are curl's own.
const STATUS: &str = "status ";
