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
    model::{AgentCheck, AgentReport},
    tasks::{End, Task, Tasks},
};

/// A backend that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentTarget {
    /// Its pool's name.
    pub pool: String,
    /// Its name.
    pub backend: String,
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
    tasks: Tasks,
    shared: Arc<Shared>,
    running: BTreeMap<Name, (AgentTarget, Task)>,
}

/// Tells what backends said.
#[derive(Clone, Debug, Default)]
pub struct AgentReports {
    shared: Arc<Shared>,
}

/// Pool and backend.
type Name = (String, String);

#[derive(Debug, Default)]
struct Shared {
    said: Mutex<BTreeMap<Name, ReportedState>>,
    changed: Notify,
}

impl AgentChecks {
    /// Asks nobody yet.
    pub fn new(tasks: &Tasks) -> Self {
        Self { tasks: tasks.clone(), shared: Arc::default(), running: BTreeMap::new() }
    }

    /// Asks these, and no others any more. What a backend that goes on being asked has said stays.
    pub fn set_targets(&mut self, targets: Vec<AgentTarget>) {
        let mut before = std::mem::take(&mut self.running);
        for target in targets {
            let name = (target.pool.clone(), target.backend.clone());
            let running = match before.remove(&name) {
                Some(running) if running.0 == target => running,
                old => {
                    drop(old);
                    lock(&self.shared.said).entry(name.clone()).or_default();
                    let task = format!("agent check of {} in {}", target.backend, target.pool);
                    let task = self.tasks.spawn(task, follow(target.clone(), Arc::clone(&self.shared)));
                    (target, task)
                }
            };
            self.running.insert(name, running);
        }
        for (name, gone) in before {
            drop(gone);
            lock(&self.shared.said).remove(&name);
        }
    }

    /// Waits until a backend says something new. May be dropped and called again: nothing is lost.
    pub async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    /// Tells what was said, also when nobody is asked any more.
    pub fn reports(&self) -> AgentReports {
        AgentReports { shared: Arc::clone(&self.shared) }
    }
}

impl AgentReports {
    /// What each backend that is asked said, by pool and name.
    pub fn report(&self) -> BTreeMap<(String, String), ReportedState> {
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
                tracing::debug!(backend = target.backend, "an agent check could not run on this host: {why}");
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
        let Some(said) = said.get_mut(&(target.pool.clone(), target.backend.clone())) else { return };
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

fn tell(
    AgentTarget { pool, backend, address, check }: &AgentTarget,
    before: ReportedState,
    now: ReportedState,
    said: &Result<Answer, String>,
) {
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
