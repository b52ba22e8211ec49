//! One run: a scenario's flows go through a cluster of each design at once.

use crate::{
    agenda::{Agenda, FlowId},
    balancers::Balancers,
    churn::{Event, Timeline},
    design::{Design, Packet, Segment},
    outcome::Outcome,
    pool::Member,
    scenario::Scenario,
    time::Moment,
    workload::{Birth, Clients},
};

/// Between two rounds of a balancer's agent.
const TEND_SECONDS: f64 = 60.0;

/// Simulates a scenario.
pub(crate) fn run(scenario: &Scenario, designs: &[Design], seed: u64) -> Outcome {
    let timeline = Timeline::draw(scenario, seed);
    let mut cluster = Cluster::new(scenario, designs, &timeline, seed);
    cluster.fill();
    let mut events = timeline.events.iter().peekable();
    let end = Moment::at(scenario.workload.seconds);
    for now in end.before() {
        cluster.balancers.hear(now);
        while let Some((_, event)) = events.next_if(|(at, _)| *at <= now) {
            cluster.meet(*event, now);
        }
        cluster.pass(now);
    }
    cluster.outcome()
}

/// A flow that lives.
struct Flow {
    hash: u64,
    route: u32,
    ends: Moment,
    gap: f64,
    owner: Member,
    /// Which life of its backend it belongs to.
    life: u16,
    segment: Segment,
    /// One bit a design in which it is broken.
    broken: u32,
}

/// Whether a backend serves, and how often it has begun to.
#[derive(Clone, Copy, Default)]
struct Life {
    serves: bool,
    number: u16,
}

struct Cluster<'a> {
    clients: Clients,
    balancers: Balancers<'a>,
    lives: Vec<Life>,
    flows: Vec<Flow>,
    free: Vec<FlowId>,
    agenda: Agenda,
    next_flow: f64,
    next_round: Moment,
    flood: Flood,
    counts: Outcome,
}

/// SYNs a second, and what is left of one from the tick before.
struct Flood {
    per_second: f64,
    on: bool,
    rest: f64,
}

impl<'a> Cluster<'a> {
    fn new(scenario: &Scenario, designs: &[Design], timeline: &'a Timeline, seed: u64) -> Self {
        let mut lives = vec![Life::default(); timeline.members];
        lives[..scenario.backends].fill(Life { serves: true, number: 0 });
        Self {
            clients: Clients::new(scenario.workload, seed),
            balancers: Balancers::new(scenario, designs, &timeline.views, seed),
            lives,
            flows: Vec::new(),
            free: Vec::new(),
            agenda: Agenda::new(Moment::at(scenario.workload.seconds)),
            next_flow: 0.0,
            next_round: Moment::at(TEND_SECONDS),
            flood: Flood { per_second: scenario.flood_per_second, on: false, rest: 0.0 },
            counts: Outcome::new(designs),
        }
    }

    /// The flows that live when the run begins. Each sends at once, so that whoever remembers flows knows them.
    fn fill(&mut self) {
        for _ in 0..self.clients.standing() {
            let birth = self.clients.old_flow();
            self.begin(&birth, Segment::Follows, Moment::default());
        }
        self.next_flow = self.clients.until_next();
    }

    fn meet(&mut self, event: Event, now: Moment) {
        match event {
            Event::Starts(member) => {
                let life = &mut self.lives[usize::from(member.0)];
                *life = Life { serves: true, number: life.number + 1 };
            }
            Event::Stops(member) => self.lives[usize::from(member.0)].serves = false,
            Event::Learns { balancer, view } => self.balancers.learn(balancer, view, now),
            Event::Leaves(balancer) => self.balancers.leaves(balancer),
            Event::Returns(balancer) => self.balancers.returns(balancer, now),
            Event::Flood { on } => self.flood.on = on,
        }
    }

    /// What a tick brings beside events.
    fn pass(&mut self, now: Moment) {
        while self.next_flow < now.after(0.0).seconds() {
            let birth = self.clients.new_flow();
            self.begin(&birth, Segment::Opens, now);
            self.next_flow += self.clients.until_next();
        }
        self.flood(now);
        while let Some(flow) = self.agenda.take(now) {
            self.send(flow, now);
        }
        if now >= self.next_round {
            self.balancers.tend(&mut self.counts.designs, now);
            self.next_round = now.after(TEND_SECONDS);
        }
        self.balancers.flush(now);
    }

    fn begin(&mut self, birth: &Birth, segment: Segment, now: Moment) {
        let owner = self.balancers.owner(birth.hash, birth.route);
        let Some(owner) = owner.filter(|owner| self.lives[usize::from(owner.0)].serves) else {
            // No answer: the client tries again, as one of the flows to come.
            return;
        };
        let flow = Flow {
            hash: birth.hash,
            route: birth.route,
            ends: now.after(birth.lasts),
            gap: birth.gap,
            owner,
            life: self.lives[usize::from(owner.0)].number,
            segment,
            broken: 0,
        };
        let id = self.free.pop().unwrap_or(self.flows.len() as FlowId);
        match self.flows.get_mut(id as usize) {
            Some(place) => *place = flow,
            None => self.flows.push(flow),
        }
        self.counts.flows += 1;
        self.counts.at_once = self.counts.at_once.max(self.flows.len() - self.free.len());
        self.send(id, now);
    }

    /// A flow's packet goes through its balancer; then the flow's next one is put on the agenda.
    fn send(&mut self, id: FlowId, now: Moment) {
        let flow = &mut self.flows[id as usize];
        let life = self.lives[usize::from(flow.owner.0)];
        let lost = !life.serves || life.number != flow.life;
        self.counts.lost += u64::from(lost);
        if lost {
            self.free.push(id);
            return;
        }
        self.deliver(id, now);
        let flow = &mut self.flows[id as usize];
        let wait = match flow.segment {
            Segment::Opens => self.clients.until_second(),
            Segment::Follows => self.clients.until_packet(flow.gap),
        };
        flow.segment = Segment::Follows;
        // The last packet is the one that closes the flow.
        if now >= flow.ends || !self.agenda.put(id, now.after(wait).min(flow.ends.max(now.after(0.0)))) {
            self.free.push(id);
        }
    }

    fn flood(&mut self, now: Moment) {
        if !self.flood.on {
            return;
        }
        self.flood.rest += self.flood.per_second * Moment::default().after(0.0).seconds();
        while self.flood.rest >= 1.0 {
            self.flood.rest -= 1.0;
            let (hash, route) = self.clients.stranger();
            let packet = Packet { hash, segment: Segment::Opens };
            self.balancers.send(packet, route, 0, now, |design, _| self.counts.designs[design].packets += 1);
        }
    }

    /// Sends a flow's packet in every design in which the flow is whole. It lives on where it is whole in none, so that
    /// what is drawn for flows does not depend on designs.
    fn deliver(&mut self, id: FlowId, now: Moment) {
        let Flow { hash, route, owner, segment, ref mut broken, .. } = self.flows[id as usize];
        let (lives, results) = (&self.lives, &mut self.counts.designs);
        let serves = |member: Member| lives[usize::from(member.0)].serves;
        self.balancers.send(Packet { hash, segment }, route, *broken, now, |design, path| {
            results[design].packets += 1;
            let passed_on = path.passes_to == Some(owner) && path.member.is_some_and(serves);
            if path.member != Some(owner) && !passed_on {
                *broken |= 1 << design;
                results[design].broken += 1;
            }
        });
    }

    fn outcome(mut self) -> Outcome {
        self.balancers.account(&mut self.counts.designs);
        self.counts
    }
}
