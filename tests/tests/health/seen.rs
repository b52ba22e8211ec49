//! What the agent's metrics show of its checks.

use std::time::Duration;

use dsr_lab::{Lab, Samples};
use dsr_tests::lab::agent;

/// A check that notices quickly: after two failures.
pub(crate) const TCP: &str = "{tcp: {}, interval: 300ms, timeout: 300ms, rise: 2, fall: 2}";
pub(crate) const HTTP: &str = "{http: {path: /, body: web}, interval: 300ms, timeout: 300ms, rise: 2, fall: 2}";

/// Waits until a backend is up and has slots.
pub(crate) fn wait_up(lab: &Lab, backend: &str) {
    wait(lab, &format!("{backend} up"), |samples| is_up(samples, backend) && slots(samples, backend) > 0.0);
}

/// Waits until a backend was probed so often that a check which fails would have taken it out, and is up.
pub(crate) fn wait_passes(lab: &Lab, backend: &str) {
    // An agent that has just started takes it as up.
    wait_up(lab, backend);
    wait_probes(lab, &[backend], 3.0);
    wait_up(lab, backend);
}

/// Waits until a backend is down for this cause, and has no slots.
pub(crate) fn wait_down(lab: &Lab, backend: &str, cause: &str) {
    wait(lab, &format!("{backend} down for {cause}"), |samples| {
        is_down_for(samples, backend, cause) && slots(samples, backend) == 0.0
    });
}

/// Waits until a backend is down for this cause, whatever slots it has.
pub(crate) fn wait_cause(lab: &Lab, backend: &str, cause: &str) {
    wait(lab, &format!("{backend} down for {cause}"), |samples| is_down_for(samples, backend, cause));
}

/// Waits until the metrics are so.
pub(crate) fn wait(lab: &Lab, what: &str, shown: impl FnMut(&Samples) -> bool) {
    let agent = agent::running(lab);
    if let Err(error) = agent.wait_until(what, PATIENCE, shown) {
        panic!("{error}\n{}\n{}", agent.log(), show(&agent.scrape().unwrap()));
    }
}

/// The slots of a backend, of all services.
pub(crate) fn slots(samples: &Samples, backend: &str) -> f64 {
    samples.sum("dsr_member_slots", &[("backend", backend)])
}

/// How many probes of a backend were made.
pub(crate) fn probes(samples: &Samples, backend: &str) -> f64 {
    samples.sum("dsr_backend_probe_seconds_count", &[("backend", backend)])
}

/// Waits until each of these backends was probed so many times more.
pub(crate) fn wait_probes(lab: &Lab, backends: &[&str], times: f64) {
    let before = agent::running(lab).scrape().unwrap();
    wait(lab, "more probes", |samples| {
        backends.iter().all(|name| probes(samples, name) >= probes(&before, name) + times)
    });
}

pub(crate) fn is_up(samples: &Samples, backend: &str) -> bool {
    let mut healthy = samples.named("dsr_backend_healthy").filter(|sample| sample.label("backend") == backend);
    let causes = samples.sum("dsr_backend_state", &[("backend", backend)]);
    causes == 0.0 && healthy.all(|sample| sample.value > 0.0) && probes(samples, backend) > 0.0
}

fn is_down_for(samples: &Samples, backend: &str, cause: &str) -> bool {
    let healthy = samples.sum("dsr_backend_healthy", &[("backend", backend)]);
    let causes: Vec<_> = samples
        .named("dsr_backend_state")
        .filter(|sample| sample.label("backend") == backend)
        .map(|sample| sample.label("cause").to_owned())
        .collect();
    healthy == 0.0 && !causes.is_empty() && causes.iter().all(|found| found == cause)
}

fn show(samples: &Samples) -> String {
    let names = ["dsr_backend_healthy", "dsr_backend_state", "dsr_member_slots"];
    format!("{:#?}", names.map(|name| samples.named(name).collect::<Vec<_>>()))
}

/// Longer than a neighbour takes to be given up.
const PATIENCE: Duration = Duration::from_secs(40);
