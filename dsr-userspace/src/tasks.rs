//! Long-lived tasks, supervised: one that panics or ends by itself is an error with its name, never a task that is
//! silently missing.

use std::{any::Any, borrow::Cow, collections::BTreeMap, future::Future, panic::AssertUnwindSafe};

use futures_util::FutureExt as _;
use tokio::{sync::mpsc, task::JoinHandle};
use tracing::Instrument as _;

/// Starts tasks and reports those that end to their [`Supervisor`].
#[derive(Clone, Debug)]
pub struct Tasks {
    ended: mpsc::UnboundedSender<Ended>,
}

/// Learns of tasks that ended by themselves.
#[derive(Debug)]
pub struct Supervisor {
    ended: mpsc::UnboundedReceiver<Ended>,
    /// So that the channel stays open.
    tasks: Tasks,
}

/// A task that is there no more.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the task `{name}` ended: {why}")]
pub struct Ended {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Why.
    pub why: String,
}

/// How a task may end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It has nothing more to do, because who started it is gone.
    Done,
    /// It cannot go on: why.
    Failed(String),
}

/// A running task. Dropping it ends the task.
#[derive(Debug)]
pub struct Task(JoinHandle<()>);

/// A task for each of some targets, by their keys.
#[derive(Debug)]
pub struct KeyedTasks<K, T> {
    tasks: Tasks,
    running: BTreeMap<K, (T, Task)>,
}

impl<K: Ord, T: PartialEq> KeyedTasks<K, T> {
    /// Runs nothing yet.
    pub fn new(tasks: &Tasks) -> Self {
        Self { tasks: tasks.clone(), running: BTreeMap::new() }
    }

    /// Runs a task for each of these targets, and for no others. A target that has not changed keeps its task; the task
    /// of one that has is ended before `start` spawns the next. Gives the keys that are gone, whose tasks have ended.
    pub fn set(
        &mut self,
        targets: impl IntoIterator<Item = (K, T)>,
        mut start: impl FnMut(&Tasks, &K, &T) -> Task,
    ) -> Vec<K> {
        let mut before = std::mem::take(&mut self.running);
        for (key, target) in targets {
            let task = match before.remove(&key) {
                Some((old, task)) if old == target => task,
                old => {
                    drop(old);
                    start(&self.tasks, &key, &target)
                }
            };
            self.running.insert(key, (target, task));
        }
        before.into_keys().collect()
    }
}

impl Tasks {
    /// Of a program that does not supervise: its tasks only log.
    pub fn unsupervised() -> Self {
        Supervisor::new().tasks
    }

    /// Starts a task.
    pub fn spawn(&self, name: impl Into<Cow<'static, str>>, work: impl Future<Output = End> + Send + 'static) -> Task {
        let (name, ended) = (name.into(), self.ended.clone());
        let span = tracing::debug_span!("task", %name);
        let work = async move {
            let why = match AssertUnwindSafe(work).catch_unwind().await {
                Ok(End::Done) => return,
                Ok(End::Failed(why)) => why,
                Err(panic) => format!("panic: {}", message(&*panic)),
            };
            tracing::error!(task = %name, "the task ended: {why}");
            // The receiver is gone if the program is ending.
            let _ = ended.send(Ended { name, why });
        };
        Task(tokio::spawn(work.instrument(span)))
    }
}

impl Supervisor {
    /// One that supervises no task yet.
    pub fn new() -> Self {
        let (sender, ended) = mpsc::unbounded_channel();
        Self { ended, tasks: Tasks { ended: sender } }
    }

    /// Starts tasks that it supervises.
    pub fn tasks(&self) -> Tasks {
        self.tasks.clone()
    }

    /// Waits for a task that ends by itself. May be dropped and called again: nothing is lost.
    pub async fn ended(&mut self) -> Ended {
        match self.ended.recv().await {
            Some(ended) => ended,
            // It has a sender itself.
            None => std::future::pending().await,
        }
    }
}

impl Default for Supervisor {
    fn default() -> Self {
        Self::new()
    }
}

impl Task {
    /// Ends it and waits until what it held is dropped.
    pub async fn stop(mut self) {
        self.0.abort();
        // That it was cancelled is the answer.
        let _ = (&mut self.0).await;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What a panic says.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_or_fails_is_reported_by_its_name() {
        let mut supervisor = Supervisor::new();
        let tasks = supervisor.tasks();
        let _panics = tasks.spawn("one", async { panic!("no {}", "memory") });
        assert_eq!(supervisor.ended().await.to_string(), "the task `one` ended: panic: no memory");
        let _fails = tasks.spawn("two", async { End::Failed("the socket is closed".to_owned()) });
        assert_eq!(supervisor.ended().await.to_string(), "the task `two` ended: the socket is closed");
    }

    #[tokio::test]
    async fn a_target_keeps_its_task_until_it_changes() {
        let mut keyed = KeyedTasks::new(&Tasks::unsupervised());
        let mut started = Vec::new();
        let mut set = |targets: &[(u8, char)]| {
            keyed.set(targets.iter().copied(), |tasks, key, target| {
                started.push((*key, *target));
                tasks.spawn("target", std::future::pending())
            })
        };
        assert_eq!(set(&[(1, 'a'), (2, 'b')]), [0_u8; 0]);
        assert_eq!(set(&[(2, 'c'), (1, 'a'), (3, 'd')]), [0_u8; 0]);
        assert_eq!(set(&[(3, 'd')]), [1, 2]);
        assert_eq!(started, [(1, 'a'), (2, 'b'), (2, 'c'), (3, 'd')]);
    }

    #[tokio::test]
    async fn a_task_that_was_stopped_is_not_reported() {
        let mut supervisor = Supervisor::new();
        let tasks = supervisor.tasks();
        let stopped = tasks.spawn("stopped", std::future::pending());
        stopped.stop().await;
        drop(tasks.spawn("dropped", std::future::pending()));
        let done = tasks.spawn("done", async { End::Done });
        let Task(handle) = &done;
        while !handle.is_finished() {
            tokio::task::yield_now().await;
        }
        let _last = tasks.spawn("last", async { End::Failed("x".to_owned()) });
        assert_eq!(supervisor.ended().await.name, "last");
    }
}
