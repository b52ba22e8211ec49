//! All checks: a task for each backend of each service, and what they found.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    sync::{Notify, Semaphore},
    time::Instant,
};

use super::{
    decision::State,
    diagnose::{Finding, Path},
    evidence::Reached,
    histogram::Histogram,
    known::Known,
    rise_fall::RiseFall,
    standings::{Standings, Unchecked},
    steering::{Steered, Steering},
    watch,
};
use crate::{
    model::{Cause, Check, Checked, Forward, Network, NoHop},
    tasks::{KeyedTasks, Tasks},
};

/// One backend of one service, to be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which.
    pub id: Checked,
    /// The number that its probes are steered by.
    pub number: u32,
    /// The service's name.
    pub service: String,
    /// The pool's name.
    pub pool: String,
    /// The backend's name.
    pub backend: String,
    /// How packets reach it.
    pub forward: Forward,
    /// The check.
    pub check: Arc<Check>,
}

/// Checks backends while it lives.
#[derive(Debug)]
pub struct Monitor {
    shared: Arc<Shared>,
    running: KeyedTasks<Checked, Target>,
}

/// Tells how backends stand.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    shared: Arc<Shared>,
}

/// What the tasks have in common.
#[derive(Debug)]
pub(super) struct Shared {
    records: Mutex<BTreeMap<Checked, Record>>,
    network: Mutex<Known>,
    /// Where probes go.
    pub(super) steering: Steering,
    changed: Notify,
    /// Those that stand otherwise than when they were last asked for.
    moved: Mutex<BTreeSet<Checked>>,
    /// Those that look for a cause at the same time: each has sockets that see every ICMP message.
    pub(super) diagnosing: Semaphore,
    /// Probes without a result.
    local_errors: AtomicU64,
}

impl Default for Shared {
    fn default() -> Self {
        let (records, network, moved) = <(Mutex<_>, Mutex<_>, Mutex<_>)>::default();
        Self {
            records,
            network,
            steering: Steering::default(),
            changed: Notify::new(),
            moved,
            diagnosing: Semaphore::new(DIAGNOSES),
            local_errors: AtomicU64::default(),
        }
    }
}

/// What the checks of one backend found.
#[derive(Clone, Debug)]
pub(super) struct Record {
    target: Arc<Target>,
    pub(super) rise_fall: RiseFall,
    /// Why the last probe failed, if it did and was looked into.
    pub(super) finding: Option<Finding>,
    pub(super) took: Histogram,
    /// When packets of full size were last tried, where they may not fit.
    pub(super) full_sized: Option<Instant>,
    /// Why the last probe had no result, if it had none.
    pub(super) unchecked: Option<String>,
}

impl Monitor {
    /// Checks nothing yet.
    pub fn new(tasks: &Tasks) -> Self {
        Self { shared: Arc::default(), running: KeyedTasks::new(tasks) }
    }

    /// Checks these, and no others any more. What goes on being checked the same way keeps what was found of it.
    pub fn set_targets(&mut self, targets: Vec<Target>) {
        let shared = &self.shared;
        let start = |tasks: &Tasks, id: &Checked, target: &Target| {
            let named = Arc::new(target.clone());
            lock(&shared.moved).insert(*id);
            lock(&shared.records)
                .entry(*id)
                .and_modify(|record| record.target = Arc::clone(&named))
                .or_insert_with(|| Record::new(Arc::clone(&named)));
            let name = format!("check of {} for {}", target.backend, target.service);
            tasks.spawn(name, watch::watch(target.clone(), Arc::clone(shared)))
        };
        for id in self.running.set(targets.into_iter().map(|target| (target.id, target)), start) {
            lock(&self.shared.records).remove(&id);
            lock(&self.shared.moved).insert(id);
        }
        self.shared.changed.notify_one();
    }

    /// Takes what the network says of the backends.
    pub fn set_network(&self, network: &Network) {
        lock(&self.shared.network).set(network);
    }

    /// Says where probes go from now on.
    pub fn set_steering(&self, steered: Steered) {
        self.shared.steering.set(steered);
    }

    /// Waits until a backend stands otherwise than before. May be dropped and called again: nothing is lost.
    pub async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    /// Tells what the checks find, also when they have ended.
    pub fn reader(&self) -> Reader {
        Reader { shared: Arc::clone(&self.shared) }
    }
}

impl Reader {
    /// How all backends stand that are checked.
    pub fn report(&self) -> Vec<Standings> {
        lock(&self.shared.records).values().map(Record::standings).collect()
    }

    /// The backends whose last probe could not be made on this host.
    pub fn unchecked(&self) -> Vec<Unchecked> {
        let records = lock(&self.shared.records);
        let unchecked = |record: &Record| {
            let why = record.unchecked.clone()?;
            Some(Unchecked { target: Arc::clone(&record.target), why })
        };
        records.values().filter_map(unchecked).collect()
    }

    /// Where probes go.
    pub fn steered(&self) -> Steered {
        self.shared.steering.get()
    }

    /// How many probes could not be made on this host so far.
    pub fn local_errors(&self) -> u64 {
        self.shared.local_errors.load(Ordering::Relaxed)
    }

    /// Those that stand otherwise than at the last call, or may.
    pub fn take_moved(&self) -> BTreeSet<Checked> {
        std::mem::take(&mut lock(&self.shared.moved))
    }

    /// How a backend of a service stands; what is not checked is up.
    pub fn state(&self, id: &Checked) -> State {
        lock(&self.shared.records).get(id).map_or(State::Up, Record::state)
    }

    /// Why a backend of a service does not pass its check, if it does not.
    pub fn finding(&self, id: &Checked) -> Option<Finding> {
        lock(&self.shared.records).get(id)?.finding.clone()
    }
}

impl Record {
    fn new(target: Arc<Target>) -> Self {
        let (rise_fall, took) = <(RiseFall, Histogram)>::default();
        Self { target, rise_fall, finding: None, took, full_sized: None, unchecked: None }
    }

    fn standings(&self) -> Standings {
        let Self { target, finding, took, .. } = self.clone();
        Standings { target, state: self.state(), finding, took }
    }

    fn state(&self) -> State {
        // That it is down without a cause is for a moment only: then it is treated as one that is there.
        let cause = self.finding.as_ref().map_or(Cause::ApplicationDown, |finding| finding.cause);
        if self.rise_fall.is_up() { State::Up } else { State::Down(cause) }
    }
}

impl Shared {
    /// Updates a backend's record; receivers are notified if its state or its cause is
    /// another then. Nothing where it is not checked any more.
    pub(super) fn update<T>(&self, id: &Checked, change: impl FnOnce(&mut Record) -> T) -> Option<T> {
        let mut records = lock(&self.records);
        let record = records.get_mut(id)?;
        let before = record.state();
        let result = change(record);
        if record.state() != before {
            lock(&self.moved).insert(*id);
            self.changed.notify_one();
        }
        Some(result)
    }

    /// Counts a probe that could not be made on this host; whether that is new of this backend.
    pub(super) fn fail_locally(&self, id: &Checked, why: &str) -> bool {
        self.local_errors.fetch_add(1, Ordering::Relaxed);
        let mut records = lock(&self.records);
        let Some(record) = records.get_mut(id) else { return false };
        let is_new = record.unchecked.is_none();
        record.unchecked = Some(why.to_owned());
        is_new
    }

    /// Whether the network leads to a backend, and if not, why.
    pub(super) fn reached(&self, target: &Target) -> (Reached, Option<NoHop>) {
        lock(&self.network).reached(target.id.1, target.forward)
    }

    /// The path of a backend's packets; nothing where no router can be on it.
    pub(super) fn path(&self, target: &Target) -> Option<Path> {
        lock(&self.network).path(target.id.1, target.forward)
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whatever is in there is whole: each change is one assignment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const DIAGNOSES: usize = 16;
