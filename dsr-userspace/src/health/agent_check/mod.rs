//! What backends say themselves of what they can take: `agent_check`.
//!
//! Enters: which backends are asked, and how ([`AgentChecks::set_targets`]). Leaves: what each said
//! ([`AgentReports::report`]). A backend that does not answer takes nothing back of what it said: whether it is there is for
//! its health check to find.

mod answer;
mod ask;

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until},
};

use self::{answer::Answer, ask::Unanswered};
use super::{
    monitor::lock,
    watch::{jittered, share},
};
use crate::{
    model::{AgentCheck, AgentReport, BackendKey},
    tasks::{End, KeyedTasks, Tasks},
};

/// A backend that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentTarget {
    /// Its names.
    pub key: BackendKey,
    /// Its own address.
    pub address: IpAddr,
    /// How it is asked.
    pub check: Arc<AgentCheck>,
}

/// What a backend said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportedState {
    /// What holds.
    pub report: AgentReport,
    /// Whether it answered when it was asked last; nothing before that.
    pub answers: Option<bool>,
}

/// Asks backends while it lives.
#[derive(Debug)]
pub struct AgentChecks {
    shared: Arc<Shared>,
    running: KeyedTasks<BackendKey, AgentTarget>,
}

/// Tells what backends said.
#[derive(Clone, Debug, Default)]
pub struct AgentReports {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    said: Mutex<BTreeMap<BackendKey, ReportedState>>,
    changed: Notify,
}

impl AgentChecks {
    /// No agents to ask yet.
    pub fn new(tasks: &Tasks) -> Self {
        Self { shared: Arc::default(), running: KeyedTasks::new(tasks) }
    }

    /// Asks these, and no others any more. What a backend that goes on being asked has said stays.
    pub fn set_targets(&mut self, targets: Vec<AgentTarget>) {
        let shared = &self.shared;
        let start = |tasks: &Tasks, key: &BackendKey, target: &AgentTarget| {
            lock(&shared.said).entry(key.clone()).or_default();
            let name = format!("agent check of {} in {}", key.backend, key.pool);
            tasks.spawn(name, follow(target.clone(), Arc::clone(shared)))
        };
        for key in self.running.set(targets.into_iter().map(|target| (target.key.clone(), target)), start) {
            lock(&self.shared.said).remove(&key);
        }
    }

    /// Waits until a backend says something new. May be dropped and called again: nothing is lost.
    pub async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    /// Publishes the reports, also when the last agent was removed.
    pub fn reports(&self) -> AgentReports {
        AgentReports { shared: Arc::clone(&self.shared) }
    }
}

impl AgentReports {
    /// What each backend that is asked said.
    pub fn report(&self) -> BTreeMap<BackendKey, ReportedState> {
        lock(&self.shared.said).clone()
    }
}

/// Asks one backend again and again. Never ends by itself.
async fn follow(target: AgentTarget, shared: Arc<Shared>) -> End {
    let interval = target.check.interval;
    // Backends that came together are not asked together.
    sleep(interval.mul_f64(share())).await;
    loop {
        let began = Instant::now();
        let heard = ask::ask(target.address, &target.check).await;
        let answer = match heard {
            Ok(text) => Answer::parse(&text)
                .ok_or_else(|| format!("it answers {:?}, which has no known keyword", shortened(&text))),
            Err(Unanswered::ByBackend(why)) => Err(why),
            Err(Unanswered::Local(why)) => {
                tracing::debug!(backend = target.key.backend, "an agent check could not run on this host: {why}");
                sleep_until(began + jittered(interval)).await;
                continue;
            }
        };
        shared.take(&target, &answer);
        sleep_until(began + jittered(interval)).await;
    }
}

impl Shared {
    fn take(&self, target: &AgentTarget, answer: &Result<Answer, String>) {
        let mut said = lock(&self.said);
        let Some(said) = said.get_mut(&target.key) else { return };
        let before = *said;
        said.answers = Some(answer.is_ok());
        if let Ok(answer) = answer {
            said.report = answer.after(before.report);
        }
        tell(target, before, *said, answer);
        if said.report != before.report {
            self.changed.notify_one();
        }
    }
}

fn tell(target: &AgentTarget, before: ReportedState, now: ReportedState, said: &Result<Answer, String>) {
    let AgentTarget { key: BackendKey { pool, backend }, address, check } = target;
    let port = check.port;
    match said {
        Err(why) if before.answers != Some(false) => {
            tracing::warn!(pool, backend, %address, port, "no answer to the agent check, last report kept: {why}");
        }
        Ok(_) if before.answers == Some(false) => tracing::info!(pool, backend, "the agent check is answered again"),
        _ => {}
    }
    if let Ok(answer) = said
        && now.report != before.report
    {
        tracing::info!(pool, backend, says = %now.report, remark = answer.remark, "the backend reports its capacity");
    }
}

/// So much of an answer as a message can hold.
fn shortened(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

const SHOWN: usize = 40;
