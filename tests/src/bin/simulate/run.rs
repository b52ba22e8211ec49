//! One run: a scenario's flows go through a cluster of each design at once.

use crate::{
    agenda::{Agenda, FlowId},
    churn::{Event, Timeline},
    design::{Balancer, Design, Packet, Segment},
    ecmp::Router,
    outcome::Outcome,
    pool::{Member, View},
    scenario::Scenario,
    time::Moment,
    workload::{Birth, Clients},
};

/// Between two rounds of a balancer's agent.
const TEND_SECONDS: f64 = 16.0;

/// Simulates a scenario.
pub(crate) fn run(scenario: &Scenario, designs: &[Design], seed: u64) -> Outcome {
    let timeline = Timeline::draw(scenario, seed);
    let mut cluster = Cluster::new(scenario, designs, &timeline, seed);
    cluster.fill();
    let mut events = timeline.events.iter().peekable();
    let end = Moment::at(scenario.workload.seconds);
    for now in end.before() {
        while let Some((_, event)) = events.next_if(|(at, _)| *at <= now) {
            cluster.meet(*event, now);
        }
        cluster.pass(now);
    }
    cluster.outcome(designs)
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

/// A balancer, in each design.
struct Node {
    view: usize,
    designs: Vec<Box<dyn Balancer>>,
}

/// Whether a backend serves, and how often it has begun to.
#[derive(Clone, Copy, Default)]
struct Life {
    serves: bool,
    number: u16,
}

struct Cluster<'a> {
    views: &'a [View],
    newest: usize,
    clients: Clients,
    router: Router,
    nodes: Vec<Node>,
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
        let node =
            |_| Node { view: 0, designs: designs.iter().map(|design| design.balancer(&timeline.views[0])).collect() };
        let mut lives = vec![Life::default(); timeline.members];
        lives[..scenario.backends].fill(Life { serves: true, number: 0 });
        Self {
            views: &timeline.views,
            newest: 0,
            clients: Clients::new(scenario.workload, seed),
            router: Router::new(scenario.spread, scenario.balancers),
            nodes: (0..scenario.balancers).map(node).collect(),
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
            Event::Learns { balancer, view } => self.learn(balancer, view, now),
            Event::Leaves(balancer) => self.router.leaves(balancer),
            Event::Returns(balancer) => {
                let node = &mut self.nodes[balancer];
                node.view = self.newest;
                node.designs.iter_mut().for_each(|design| design.restart(&self.views[node.view]));
                self.router.returns(balancer);
            }
            Event::Flood { on } => self.flood.on = on,
        }
    }

    fn learn(&mut self, balancer: usize, view: usize, now: Moment) {
        let node = &mut self.nodes[balancer];
        if view > node.view {
            for design in &mut node.designs {
                design.learn(&self.views[node.view], &self.views[view], now);
            }
            node.view = view;
        }
        self.newest = self.newest.max(view);
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
            self.tend(now);
            self.next_round = now.after(TEND_SECONDS);
        }
    }

    fn begin(&mut self, birth: &Birth, segment: Segment, now: Moment) {
        let node = &self.nodes[self.router.balancer(birth.route)];
        let owner = self.views[node.view].current(birth.hash);
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
        deliver(flow, &mut self.nodes[self.router.balancer(flow.route)], self.views, &mut self.counts, now);
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
            let node = &mut self.nodes[self.router.balancer(route)];
            let packet = Packet { hash, segment: Segment::Opens };
            for (design, result) in node.designs.iter_mut().zip(&mut self.counts.designs) {
                result.packets += 1;
                design.route(&self.views[node.view], packet, now);
            }
        }
    }

    fn tend(&mut self, now: Moment) {
        for node in &mut self.nodes {
            let view = &self.views[node.view];
            for (design, result) in node.designs.iter_mut().zip(&mut self.counts.designs) {
                design.tend(view, now);
                let memory = design.memory(view);
                result.memory.used = result.memory.used.max(memory.used);
                result.memory.reserved = result.memory.reserved.max(memory.reserved);
            }
        }
    }

    fn outcome(mut self, designs: &[Design]) -> Outcome {
        for index in 0..designs.len() {
            for node in &self.nodes {
                self.counts.designs[index].work += node.designs[index].work();
            }
        }
        self.counts
    }
}

/// Sends a flow's packet in every design in which the flow is whole. It lives on where it is whole in none, so that what
/// is drawn for flows does not depend on designs.
fn deliver(flow: &mut Flow, node: &mut Node, views: &[View], counts: &mut Outcome, now: Moment) {
    let packet = Packet { hash: flow.hash, segment: flow.segment };
    for (index, (design, result)) in node.designs.iter_mut().zip(&mut counts.designs).enumerate() {
        let bit = 1 << index;
        if flow.broken & bit != 0 {
            continue;
        }
        result.packets += 1;
        if design.route(&views[node.view], packet, now) != Some(flow.owner) {
            flow.broken |= bit;
            result.broken += 1;
        }
    }
}
