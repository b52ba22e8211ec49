//! The task: events in, questions to the kernel, snapshots out.

use std::{
    collections::VecDeque,
    net::IpAddr,
    time::{Duration, Instant},
};

use tokio::{sync::watch, time::sleep_until};

use super::{
    Error, Wanted,
    facts::NeighbourKey,
    kernel::{Event, Events, Kernel},
    probe_schedule::{NeighbourProbe, ProbeSchedule},
    state::{News, State},
};
use crate::model::{Hop, Network, NoHop, Reach};

/// Follows the kernel's view of the network.
pub(super) struct Follower {
    state: State,
    probe_schedule: ProbeSchedule,
    kernel: Kernel,
    events: Events,
    wanted: watch::Receiver<Wanted>,
    out: Out,
    /// When entries were last cared for.
    attended: Instant,
}

/// The subscriber's side.
pub(super) struct Out {
    pub(super) network: watch::Sender<Network>,
    /// The number of what was wanted where that snapshot was made.
    pub(super) number: watch::Sender<u64>,
}

/// No event for so long means that none is queued.
const QUIET: Duration = Duration::from_millis(20);

/// How long queued events are taken before a listing, at most: new ones may keep coming.
const DRAIN_WITHIN: Duration = Duration::from_millis(500);

/// The least time from caring for entries to the next, where none has lost its MAC: with many backends there is one to
/// confirm at any moment.
const PACE: Duration = Duration::from_millis(100);

enum Wake {
    Events(VecDeque<Event>),
    Wanted,
    Due,
    Stopped,
}

impl Follower {
    /// Does nothing before it is run.
    pub(super) fn new(kernel: Kernel, events: Events, wanted: watch::Receiver<Wanted>, out: Out) -> Self {
        let (state, probe_schedule) = (State::default(), ProbeSchedule::default());
        Self { state, probe_schedule, kernel, events, wanted, out, attended: Instant::now() }
    }

    /// Runs until the sender of wanted addresses is gone or netlink fails.
    pub(super) async fn run(mut self) -> Result<(), Error> {
        self.list().await?;
        let mut number = self.take_wanted();
        self.ask().await?;
        self.out.network.send_replace(self.state.network());
        let mut news = self.state.take_news();
        loop {
            let now = Instant::now();
            // What has lost its MAC is asked for at once; all else can wait for what else comes.
            if news.network || self.attend_at(news).is_some_and(|at| at <= now) {
                self.run_schedule(now).await;
                (self.attended, news) = (now, News::default());
            }
            match self.wait(self.attend_at(news)).await? {
                Wake::Events(events) => self.learn(events).await?,
                Wake::Wanted => number = self.take_wanted(),
                Wake::Due => {}
                Wake::Stopped => return Ok(()),
            }
            self.ask().await?;
            let News { network, probes } = self.state.take_news();
            news = News { network, probes: probes || news.probes };
            if news.network {
                self.publish();
            }
            self.out.number.send_if_modified(|shown| std::mem::replace(shown, number) != number);
        }
    }

    /// When entries are to be cared for, if at all.
    fn attend_at(&self, news: News) -> Option<Instant> {
        let due = if news.probes { Some(self.attended) } else { self.probe_schedule.next() };
        due.map(|at| at.max(self.attended + PACE))
    }

    async fn wait(&mut self, next: Option<Instant>) -> Result<Wake, Error> {
        let due = async {
            match next {
                Some(at) => sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            events = self.events.next() => Ok(Wake::Events(events?)),
            changed = self.wanted.changed() => Ok(changed.map_or(Wake::Stopped, |()| Wake::Wanted)),
            () = due => Ok(Wake::Due),
        }
    }

    async fn learn(&mut self, events: VecDeque<Event>) -> Result<(), Error> {
        if !self.take(events)? {
            return Ok(());
        }
        tracing::warn!("netlink events were lost: listing links and neighbours again");
        // The kernel says so before it delivers what is queued. That is older than the listing, and what would put it right may
        // be among what was lost: it is taken first.
        let end = tokio::time::Instant::now() + DRAIN_WITHIN;
        while tokio::time::Instant::now() < end
            && let Ok(events) = tokio::time::timeout(QUIET, self.events.next()).await
        {
            self.take(events?)?;
        }
        self.list().await
    }

    /// Takes in what the kernel told; gives whether something was lost.
    fn take(&mut self, events: VecDeque<Event>) -> Result<bool, Error> {
        let mut lost = false;
        for event in events {
            match event {
                Event::Fact(fact) => self.state.learn(*fact),
                Event::Closed => return Err(Error::Closed("brings events")),
                Event::Lost => lost = true,
            }
        }
        Ok(lost)
    }

    /// Events of before the listing that come after it are harmless where none was lost: those of what was listed come after
    /// them.
    async fn list(&mut self) -> Result<(), Error> {
        let facts = self.kernel.list().await?;
        self.state.forget();
        for fact in facts {
            self.state.learn(fact);
        }
        Ok(())
    }

    /// Takes what is wanted; gives its number.
    fn take_wanted(&mut self) -> u64 {
        let Wanted { number, interfaces, backends } = self.wanted.borrow_and_update().clone();
        self.state.set_interfaces(&interfaces);
        self.state.set_wanted(backends);
        number
    }

    async fn ask(&mut self) -> Result<(), Error> {
        let questions = self.state.take_questions();
        if questions.must_settle {
            self.kernel.wait_for_link_change().await;
        }
        for address in questions.routes {
            let route = self.kernel.route(address, self.state.source(address)).await?;
            self.state.set_route(address, route);
        }
        Ok(())
    }

    fn publish(&self) {
        let network = self.state.network();
        self.out.network.send_if_modified(|published| {
            let modified = *published != network;
            if modified {
                log_changes(published, &network);
                *published = network;
            }
            modified
        });
    }

    async fn run_schedule(&mut self, now: Instant) {
        for (key, probe) in self.probe_schedule.due(&self.state.probes(), now) {
            if !self.give(key, probe).await {
                continue;
            }
            match probe {
                NeighbourProbe::Solicit => self.state.solicited(key),
                NeighbourProbe::Locate => self.state.asked(key),
                NeighbourProbe::Confirm => {}
            }
        }
    }

    /// Whether the kernel took it.
    async fn give(&self, key: NeighbourKey, probe: NeighbourProbe) -> bool {
        let done = match probe {
            NeighbourProbe::Solicit => self.kernel.solicit(key).await,
            NeighbourProbe::Confirm | NeighbourProbe::Locate => self.kernel.confirm(key).await,
        };
        // The entry or the link may have gone this moment; an event tells.
        if let Err(error) = &done {
            tracing::debug!(ifindex = key.0, address = %key.1, ?probe, %error, "cannot send a neighbour probe");
        }
        done.is_ok()
    }
}

fn log_changes(before: &Network, after: &Network) {
    for (name, state) in &after.interfaces {
        if before.interfaces.get(name) != Some(state) {
            tracing::info!(interface = name, mac = %state.mac, up = state.up, "interface changed");
        }
    }
    for (address, reach) in &after.reach {
        if before.reach.get(address) != Some(reach) {
            match reach {
                Reach::Hop(hop) => {
                    let router = by(hop, after.gateways.get(address));
                    tracing::info!(backend = %address, mac = %hop.destination, "backend has a MAC{router}");
                }
                Reach::No(NoHop::NoNeighbour(_)) => tracing::info!(backend = %address, "backend has no MAC"),
                Reach::No(why) => tracing::info!(backend = %address, %why, "backend unreachable"),
            }
        }
    }
}

/// Routers and MTU of a way that has any.
fn by(hop: &Hop, gateway: Option<&IpAddr>) -> String {
    let Some(gateway) = gateway else { return String::new() };
    let next_hops = hop.path.next_hops.len().max(1);
    format!(" by the router {gateway}: {next_hops} next hops, path MTU {}", hop.path.mtu)
}
