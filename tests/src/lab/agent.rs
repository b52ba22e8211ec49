//! The real agent in a lab: started and told to reload, each time until its metrics show what was asked for.

use dsr_lab::{Agent, Lab, Samples};
use serde_json::Value;

use super::{Configuration, PATIENCE, dsr_program, poll, process::finish};

/// Writes the configuration, starts the agent and waits until every backend has the slots that its weight asks for.
///
/// # Panics
/// Where that does not happen.
pub fn start(configuration: &Configuration, lab: &mut Lab) {
    lab.write_config(&configuration.to_string()).expect("the configuration can be written");
    lab.start_agent(dsr_program()).expect("the agent starts");
    wait_for_slots(running(lab), configuration);
}

/// Writes the configuration, does nothing else, and waits until the agent has taken it.
///
/// # Panics
/// Where the agent does not.
pub fn reload(configuration: &Configuration, lab: &Lab) {
    let before = reloads(running(lab), "ok");
    lab.write_config(&configuration.to_string()).expect("the configuration can be written");
    wait_for_reload(running(lab), "ok", before);
    wait_for_slots(running(lab), configuration);
}

/// Waits until the agent has read its file again with this result, once more than `before` at least.
///
/// # Panics
/// Where it does not.
pub fn wait_for_reload(agent: &Agent, result: &str, before: f64) {
    let moved = |samples: &Samples| samples.sum(RELOADS, &[("result", result)]) > before;
    agent.wait_until(&format!("a reload with result {result}"), PATIENCE, moved).expect("the agent reloads");
}

/// Waits until every backend of a weight has slots, and no other.
///
/// # Panics
/// Where that does not happen.
pub fn wait_for_slots(agent: &Agent, configuration: &Configuration) {
    let settled = |samples: &Samples| {
        configuration.backends().iter().all(|backend| {
            let has_slots = samples.sum("dsr_member_slots", &[("backend", &backend.name)]) > 0.0;
            has_slots == (backend.weight > 0)
        })
    };
    agent.wait_until("slots by weight", PATIENCE, settled).expect("the agent gives slots");
}

/// Waits until the agent's log has a line with all these words; gives the first one. A thread of the agent's own writes the
/// log, so a line may come after metrics, `dsr status` or traffic show what it tells of.
///
/// # Panics
/// Where there is no such line, with the log.
pub fn wait_for_log(agent: &Agent, words: &[&str]) -> String {
    wait_for_lines(agent, words, 1).swap_remove(0)
}

/// The same for `times` lines or more; gives all that have the words.
///
/// # Panics
/// Where there are fewer, with the log.
pub fn wait_for_lines(agent: &Agent, words: &[&str], times: usize) -> Vec<String> {
    let lines = || {
        let log = agent.log();
        let lines = log.lines().filter(|line| words.iter().all(|word| line.contains(word)));
        Some(lines.map(str::to_owned).collect::<Vec<_>>()).filter(|lines| lines.len() >= times)
    };
    let found = poll(lines).unwrap_or_else(|| panic!("fewer than {times} lines with {words:?}:\n{}", agent.log()));
    let log = agent.log();
    let doubled = log.lines().find(|line| says_its_level_twice(line));
    assert!(doubled.is_none(), "{doubled:?} says its level twice");
    found
}

/// Whether a line of a log repeats its level in words, as in `WARN error: ...`.
fn says_its_level_twice(line: &str) -> bool {
    let after = ["ERROR ", " WARN ", " INFO "].iter().find_map(|level| line.split_once(level));
    after.is_some_and(|(_, text)| {
        ["error:", "warning:", "warn:", "info:"].iter().any(|word| text.trim().starts_with(word))
    })
}

/// How often the agent read its file again with this result.
///
/// # Panics
/// Where its metrics cannot be read.
#[must_use]
pub fn reloads(agent: &Agent, result: &str) -> f64 {
    agent.scrape().expect("the agent answers scrapes").sum(RELOADS, &[("result", result)])
}

/// How many frames went no further for this reason.
///
/// # Panics
/// Where the agent's metrics cannot be read.
#[must_use]
pub fn reason(lab: &Lab, reason: &str) -> u64 {
    count(lab, "dsr_reason_packets_total", &[("reason", reason)])
}

/// The sum of a metric's samples that have all these labels.
///
/// # Panics
/// Where the agent's metrics cannot be read.
#[must_use]
pub fn count(lab: &Lab, name: &str, labels: &[(&str, &str)]) -> u64 {
    running(lab).scrape().expect("the agent answers scrapes").sum(name, labels) as u64
}

/// The lab's agent.
///
/// # Panics
/// Where it has none.
#[must_use]
pub fn running(lab: &Lab) -> &Agent {
    lab.agent().expect("the lab has an agent")
}

/// Whether an interface of the balancer has an XDP program.
///
/// # Panics
/// Where there is no such interface.
#[must_use]
pub fn has_program(lab: &Lab, interface: &str) -> bool {
    let mut command = lab.balancer().command("ip").expect("a command can be prepared");
    command.args(["-json", "link", "show", "dev", interface]);
    let output = finish(&mut command);
    let links: Value = serde_json::from_slice(&output.stdout).expect("ip writes JSON");
    assert_eq!(links[0]["ifname"], interface, "{output:?}");
    !links[0]["xdp"].is_null()
}

const RELOADS: &str = "dsr_reload_total";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_is_repeated_is_found() {
        assert!(says_its_level_twice("2026-01-01T00:00:00Z  WARN error: eth0 is gone"));
        assert!(says_its_level_twice("2026-01-01T00:00:00Z ERROR error: eth0 is gone"));
        assert!(!says_its_level_twice("2026-01-01T00:00:00Z  WARN the interface is gone error=no such device"));
    }
}
