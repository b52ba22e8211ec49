//! What changes when: drawn before the run begins, so that every design meets the same.

use crate::{
    pool::{Declared, Member, Standing, View},
    random::Random,
    scenario::{Kind, Rolling, Scenario},
    time::Moment,
};

/// A drained backend stops after so many seconds.
pub(crate) const DRAIN_SECONDS: f64 = 1200.0;
/// A backend that died is back after so many seconds.
const CRASH_SECONDS: f64 = 60.0;
/// A false alarm lasts so many seconds.
const ALARM_SECONDS: f64 = 10.0;
/// The first change comes after so many seconds, and the last one so long before the end.
const QUIET_SECONDS: f64 = 240.0;
/// Between two changes of the pool.
const CHANGE_SECONDS: f64 = 210.0;
/// When the first balancer goes, how long after it the next, and how long one is away.
const BALANCER_SECONDS: (f64, f64, f64) = (390.0, 390.0, 120.0);
/// The same, so that all of it falls into the time in which balancers learn of a change of the pool.
const TOGETHER_SECONDS: (f64, f64, f64) = (QUIET_SECONDS + SKEW_SECONDS / 2.0, 2.0 * CHANGE_SECONDS, CHANGE_SECONDS);
/// A balancer knows of a change so many seconds after it was made, at most; each takes its own time.
const SKEW_SECONDS: f64 = 2.0;
/// A flood begins before a change and ends after it.
const FLOOD_SECONDS: (f64, f64) = (10.0, 60.0);

/// What a backend weighs unless it was given another weight, and the bounds of those.
const WEIGHT: u16 = 100;
const WEIGHTS: (usize, usize) = (50, 200);

/// What happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// A backend serves, and knows no flow.
    Starts(Member),
    /// A backend dies or is stopped, with its flows.
    Stops(Member),
    /// A balancer learns of a version of the pool.
    Learns { balancer: usize, view: usize },
    /// The router gives a balancer no more packets.
    Leaves(usize),
    /// A balancer begins anew.
    Returns(usize),
    /// SYNs of strangers begin to come, or end.
    Flood { on: bool },
}

/// All that happens in a run.
pub(crate) struct Timeline {
    /// In the order of time.
    pub(crate) events: Vec<(Moment, Event)>,
    /// Every version of the pool; the run begins with the first.
    pub(crate) views: Vec<View>,
    /// Backends that there ever are.
    pub(crate) members: usize,
}

impl Timeline {
    /// Draws a scenario's events.
    pub(crate) fn draw(scenario: &Scenario, seed: u64) -> Self {
        let mut random = Random::new(seed, "changes");
        let table_seed = random.bits();
        let pool = vec![Declared { standing: Standing::Active, weight: WEIGHT }; scenario.backends];
        let mut drawing = Drawing {
            balancers: scenario.balancers,
            batch: (scenario.backends / 100).max(1),
            steps: Vec::new(),
            random,
            pool,
        };
        drawing.plan(scenario);
        drawing.into_timeline(scenario, table_seed)
    }
}

/// A step: a change of members' declared or observed state, and what really happens to them.
struct Step {
    at: Moment,
    change: Change,
    batch: Vec<Member>,
}

#[derive(Clone, Copy)]
enum Change {
    Declare,
    Weigh,
    Stand(Standing),
    Die,
    Revive,
    Remove,
}

struct Drawing {
    balancers: usize,
    batch: usize,
    steps: Vec<Step>,
    random: Random,
    pool: Vec<Declared>,
}

impl Drawing {
    /// Lays out the steps; `pool` then holds the picked members, so that none is picked twice at a time.
    fn plan(&mut self, scenario: &Scenario) {
        let end = scenario.workload.seconds - QUIET_SECONDS;
        let mut free: Vec<Member> = (0..self.pool.len() as u16).map(Member).collect();
        let times = (0..).map(|turn| QUIET_SECONDS + f64::from(turn) * CHANGE_SECONDS).take_while(|at| *at < end);
        let mut next = self.pool.len() as u16;
        for (at, kind) in times.zip(scenario.changes.iter().cycle()) {
            let at = Moment::at(at);
            let batch = if *kind == Kind::Join {
                let joined: Vec<_> = (next..).take(self.batch).map(Member).collect();
                next += self.batch as u16;
                joined
            } else {
                self.pick(&mut free)
            };
            self.change(*kind, at, &batch);
            if matches!(kind, Kind::Join | Kind::Reweight) {
                free.extend(batch);
            }
        }
    }

    fn change(&mut self, kind: Kind, at: Moment, batch: &[Member]) {
        let mut step = |at, change| self.steps.push(Step { at, change, batch: batch.to_vec() });
        match kind {
            Kind::Join => step(at, Change::Declare),
            Kind::Reweight => step(at, Change::Weigh),
            Kind::Drain => {
                step(at, Change::Stand(Standing::Draining));
                step(at.after(DRAIN_SECONDS), Change::Remove);
            }
            Kind::Crash => {
                step(at, Change::Die);
                step(at.after(CRASH_SECONDS), Change::Revive);
            }
            Kind::FalseAlarm | Kind::KeptAlarm => {
                let meanwhile = if kind == Kind::KeptAlarm { Standing::Draining } else { Standing::Down };
                step(at, Change::Stand(meanwhile));
                step(at.after(ALARM_SECONDS), Change::Stand(Standing::Active));
            }
        }
    }

    /// Takes backends to which nothing has happened yet; half of a pool stays as it is.
    fn pick(&mut self, free: &mut Vec<Member>) -> Vec<Member> {
        let spare = free.len().saturating_sub(self.pool.len() / 2).min(self.batch);
        (0..spare).map(|_| free.swap_remove(self.random.below(free.len()))).collect()
    }

    fn into_timeline(mut self, scenario: &Scenario, table_seed: u64) -> Timeline {
        let mut steps = std::mem::take(&mut self.steps);
        steps.sort_by_key(|step| step.at);
        let end = Moment::at(scenario.workload.seconds);
        let mut events = Vec::new();
        let mut views = vec![View::build(&self.pool, table_seed)];
        for step in steps.iter().filter(|step| step.at < end && !step.batch.is_empty()) {
            self.take(step, &mut events);
            let view = View::build(&self.pool, table_seed);
            views.push(view.following(&views[views.len() - 1]));
            for balancer in 0..self.balancers {
                let at = step.at.after(self.random.unit() * SKEW_SECONDS);
                events.push((at, Event::Learns { balancer, view: views.len() - 1 }));
            }
        }
        for next in 1..views.len() {
            let (made, coming) = views.split_at_mut(next);
            made[next - 1].foresee(&coming[0]);
        }
        if scenario.flood_per_second > 0.0 {
            for at in steps.iter().map(|step| step.at) {
                // Before the change: none can be so early that this is below zero.
                events.push((Moment::at(at.seconds() - FLOOD_SECONDS.0), Event::Flood { on: true }));
                events.push((at.after(FLOOD_SECONDS.1), Event::Flood { on: false }));
            }
        }
        match scenario.rolling {
            Rolling::Never => {}
            Rolling::Apart => self.balancers(BALANCER_SECONDS, scenario.workload.seconds, &mut events),
            Rolling::Together => self.balancers(TOGETHER_SECONDS, scenario.workload.seconds, &mut events),
        }
        events.sort_by_key(|(at, _)| *at);
        Timeline { events, views, members: self.pool.len() }
    }

    /// Makes one step in the pool, and in the backends themselves.
    fn take(&mut self, step: &Step, events: &mut Vec<(Moment, Event)>) {
        for member in &step.batch {
            let index = usize::from(member.0);
            if index >= self.pool.len() {
                self.pool.resize(index + 1, Declared { standing: Standing::Absent, weight: WEIGHT });
            }
            let declared = &mut self.pool[index];
            let (standing, event) = match step.change {
                Change::Declare | Change::Revive => (Standing::Active, Some(Event::Starts(*member))),
                Change::Die => (Standing::Down, Some(Event::Stops(*member))),
                Change::Remove => (Standing::Absent, Some(Event::Stops(*member))),
                Change::Stand(standing) => (standing, None),
                Change::Weigh => (declared.standing, None),
            };
            declared.standing = standing;
            if matches!(step.change, Change::Weigh) {
                declared.weight = (WEIGHTS.0 + self.random.below(WEIGHTS.1 - WEIGHTS.0)) as u16;
            }
            events.extend(event.map(|event| (step.at, event)));
        }
    }

    /// One balancer after the other goes and comes back, as in a rolling upgrade that takes hosts down.
    fn balancers(&mut self, (first, between, away): (f64, f64, f64), seconds: f64, events: &mut Vec<(Moment, Event)>) {
        let times =
            (0..).map(|turn| first + f64::from(turn) * between).take_while(|at| at + away < seconds - QUIET_SECONDS);
        for (at, balancer) in times.zip((0..self.balancers).cycle()) {
            events.push((Moment::at(at), Event::Leaves(balancer)));
            events.push((Moment::at(at + away), Event::Returns(balancer)));
        }
    }
}
