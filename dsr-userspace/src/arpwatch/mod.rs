//! The watch for the ARP problem: hosts other than this one that tell the network that a VIP is theirs.
//!
//! Enter: what the program saw ([`ClaimEvents`]), and a [`View`] of configuration and network. Leave: questions in every
//! VLAN that a VIP is in, "who has this VIP?", whose answers the program sees like any claim; log lines; and a list of
//! claims for the metrics and the commands. It changes no host's neighbour table and no packet.

use std::{
    collections::VecDeque,
    io,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use dsr_sys::packet::PacketSender;
use tokio::sync::{mpsc, watch};

use crate::{
    datapath::{ClaimEvents, ClaimStream},
    model::Mac,
    tasks::{End, Task, Tasks},
};

mod ledger;
mod log;
mod question;
mod remedy;
mod segments;
mod sighting;
mod view;

use ledger::Ledger;
use log::Log;

pub use ledger::ClaimRecord;
pub use question::Segment;
pub use remedy::{meaning, remedy};
pub use segments::{Segments, VlanList};
pub use sighting::Sighting;
pub use view::{Owner, View};

/// The watch of one network namespace. It ends when this is dropped.
#[derive(Debug)]
pub struct ArpWatch {
    view: watch::Sender<View>,
    events: mpsc::UnboundedSender<ClaimEvents>,
    ledger: Arc<Mutex<Ledger>>,
    /// Ends with this.
    _task: Task,
}

impl ArpWatch {
    /// Opens the socket in the calling thread's network namespace, then watches in a task of its own. Needs a tokio runtime
    /// with I/O and time enabled, and the capability `CAP_NET_RAW`.
    pub fn start(tasks: &Tasks) -> io::Result<Self> {
        let socket = PacketSender::open()?;
        let (view, seen) = watch::channel(View::default());
        let (events, coming) = mpsc::unbounded_channel();
        let ledger = Arc::default();
        let watcher = Watcher { socket, view: seen, events: coming, ledger: Arc::clone(&ledger), log: Log::default() };
        let task = tasks.spawn("arp watch", watcher.run());
        Ok(Self { view, events, ledger, _task: task })
    }

    /// Says what configuration and network are now. Where VIPs or segments are new, all are asked for soon.
    pub fn set_view(&self, view: View) {
        self.view.send_if_modified(|known| {
            let modified = *known != view;
            *known = view;
            modified
        });
    }

    /// Listens to this load of the program, in place of an earlier one.
    pub fn listen(&self, events: ClaimEvents) {
        // The task lives as long as this.
        let _ = self.events.send(events);
    }

    /// Tells what was heard, from now on too.
    pub fn claims(&self) -> Claims {
        Claims { ledger: Arc::clone(&self.ledger) }
    }
}

/// Tells which claims were heard.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    ledger: Arc<Mutex<Ledger>>,
}

impl Claims {
    /// Every claim that was heard, those that hold no more too.
    pub fn all(&self) -> Vec<ClaimRecord> {
        lock(&self.ledger).claims().cloned().collect()
    }

    /// Whether a host with this MAC claims a VIP.
    pub fn is_claimed(&self, vip: IpAddr, mac: Mac) -> bool {
        lock(&self.ledger).is_claimed(vip, mac)
    }

    /// How often hosts claimed a VIP that were too many to be told apart.
    pub fn others(&self) -> Vec<(IpAddr, u64)> {
        lock(&self.ledger).others().collect()
    }
}

struct Watcher {
    socket: PacketSender,
    view: watch::Receiver<View>,
    events: mpsc::UnboundedReceiver<ClaimEvents>,
    ledger: Arc<Mutex<Ledger>>,
    log: Log,
}

impl Watcher {
    async fn run(mut self) -> End {
        let (mut stream, mut round) = (None, Round::default());
        let mut looks = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                changed = self.view.changed() => {
                    if changed.is_err() {
                        return End::Done;
                    }
                    round.follow(&self.view.borrow_and_update());
                }
                Some(events) = self.events.recv() => stream = self.turn_to(events, stream),
                claims = heard(&mut stream) => match claims {
                    Ok(claims) => self.enter(&claims),
                    Err(error) => {
                        tracing::error!(%error, "cannot read the program's VIP claims: ARP watch stopped");
                        stream = None;
                    }
                },
                () = round.due() => self.ask(&mut round),
                _ = looks.tick() => self.end_quiet(),
            }
        }
    }

    /// Takes what is left of the old stream, and goes on with another.
    fn turn_to(&mut self, events: ClaimEvents, old: Option<ClaimStream>) -> Option<ClaimStream> {
        if let Some(mut old) = old {
            self.enter(&old.take());
        }
        events.follow().inspect_err(|error| tracing::error!(%error, "cannot read the program's VIP claims")).ok()
    }

    fn enter(&mut self, claims: &[dsr_common::claim::VipClaim]) {
        let (now, view) = (Instant::now(), self.view.borrow());
        for sighting in claims.iter().filter_map(Sighting::of) {
            let note = lock(&self.ledger).see(&sighting, &view, now);
            if let Some(note) = note {
                self.log.write(&note, now);
            }
        }
    }

    fn end_quiet(&mut self) {
        let (now, interval) = (Instant::now(), self.view.borrow().interval);
        let quiet = interval.map_or(QUIET_UNASKED, |interval| interval * QUIET_ROUNDS);
        let notes = lock(&self.ledger).end(quiet, &self.view.borrow(), now);
        for note in notes {
            self.log.write(&note, now);
        }
    }

    /// A question that cannot be sent is asked again in the next round.
    fn ask(&self, round: &mut Round) {
        let Some((segment, vip)) = round.next() else { return };
        if let Err(error) = self.socket.send(segment.ifindex, &segment.question(vip)) {
            tracing::debug!(interface = segment.interface, %vip, %error, "cannot send a probe for the VIP");
        }
    }
}

async fn heard(stream: &mut Option<ClaimStream>) -> io::Result<Vec<dsr_common::claim::VipClaim>> {
    match stream {
        Some(stream) => stream.next().await,
        None => std::future::pending().await,
    }
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    // Each entry is whole by itself: a panic elsewhere leaves nothing half done here.
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Questions that are still to be asked, and when.
#[derive(Debug, Default)]
struct Round {
    asked: View,
    left: VecDeque<(Arc<Segment>, IpAddr)>,
    /// How many a whole round has.
    size: u32,
    next: Option<Instant>,
}

impl Round {
    /// Begins a round where there is something new to ask, once changes of the network are over: at the start, a moment passes
    /// until the MACs of the backends are known.
    fn follow(&mut self, view: &View) {
        let same = self.asked.vips == view.vips && self.asked.segments == view.segments;
        if !same || self.asked.interval != view.interval {
            self.left.clear();
            self.next = view.interval.map(|_| Instant::now() + ASK_AFTER_CHANGE);
        }
        self.asked = view.clone();
    }

    async fn due(&self) {
        match self.next {
            Some(at) => tokio::time::sleep_until(at.into()).await,
            None => std::future::pending().await,
        }
    }

    /// The next question. A round is spread over time, so that no segment gets more broadcasts at once than it needs to.
    fn next(&mut self) -> Option<(Arc<Segment>, IpAddr)> {
        let now = Instant::now();
        if self.left.is_empty() {
            self.left = self.asked.questions().map(|(segment, vip)| (Arc::clone(segment), vip)).collect();
            self.size = self.left.len().max(1) as u32;
        }
        let question = self.left.pop_front();
        let interval = self.asked.interval.unwrap_or(LOOK_EVERY);
        let pace = PACE.min(interval / self.size);
        let rest = interval.saturating_sub(pace * (self.size - 1));
        self.next = Some(now + if self.left.is_empty() { rest } else { pace });
        question
    }
}

/// From a change to the questions that it brings.
const ASK_AFTER_CHANGE: Duration = Duration::from_secs(1);
/// Between two questions, at most.
const PACE: Duration = Duration::from_millis(10);
/// How often the ledger is looked at for claims that were not heard for a while.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A claim has ended when it was not heard for so many rounds.
const QUIET_ROUNDS: u32 = 3;
/// The same without active questions.
const QUIET_UNASKED: Duration = Duration::from_secs(600);
