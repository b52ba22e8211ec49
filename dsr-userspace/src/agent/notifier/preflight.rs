//! What of this host is not as the program needs it, logged when the agent starts and when it takes over a file.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    config::{Config, Problem},
    preflight::{self, Examined, Finding, Severity},
    tasks::{End, Task, Tasks},
};

/// What the last look has found, and was logged.
#[derive(Debug, Default)]
pub(in crate::agent) struct PreflightLog {
    found: Arc<Mutex<Examined>>,
    /// The look that is under way.
    looking: Option<Task>,
}

impl PreflightLog {
    /// Looks at the host as a configuration uses it, and logs what the last look has not found. The kernel has the last
    /// report: none of it ends the agent or refuses a file.
    pub(in crate::agent) async fn look(&self, config: &Config) {
        log(&self.found, preflight::examine(config).await);
    }

    /// The same in a task of its own, in place of a look that is under way: a reload does not wait for it.
    pub(in crate::agent) fn look_beside(&mut self, config: Arc<Config>, tasks: &Tasks) {
        let found = Arc::clone(&self.found);
        self.looking = Some(tasks.spawn("preflight", async move {
            log(&found, preflight::examine(&config).await);
            End::Done
        }));
    }
}

fn log(known: &Mutex<Examined>, found: Examined) {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    for new in found.findings.iter().filter(|finding| !known.findings.contains(finding)) {
        let Finding { severity, interface, finding, remedy } = new;
        match severity {
            Severity::Error => tracing::error!(interface, remedy, "{finding}"),
            Severity::Warning => tracing::warn!(interface, remedy, "{finding}"),
        }
    }
    // On whatever line it was.
    let is_same = |a: &Problem, b: &Problem| (&a.field, &a.message) == (&b.field, &b.message);
    for warning in found.warnings.iter().filter(|new| !known.warnings.iter().any(|known| is_same(known, new))) {
        tracing::warn!("{warning}");
    }
    *known = found;
}
