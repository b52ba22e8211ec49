//! The balancers of a cluster in each design, the router in front of them and the network between them.

use crate::{
    design::{Balancer, Design, Packet},
    ecmp::Router,
    outcome::Result,
    pool::{Member, View},
    scenario::Scenario,
    time::Moment,
    wire::Wire,
};

/// A cluster of each design; all of them meet the same.
pub(crate) struct Balancers<'a> {
    views: &'a [View],
    /// The newest that any balancer knows.
    newest: usize,
    router: Router,
    nodes: Vec<Node>,
    /// One for each design.
    wires: Vec<Wire>,
}

/// A balancer, in each design.
struct Node {
    view: usize,
    designs: Vec<Box<dyn Balancer>>,
}

/// Where a packet goes.
pub(crate) struct Path {
    pub(crate) member: Option<Member>,
    /// Where that member passes it on to if it does not know the flow.
    pub(crate) passes_to: Option<Member>,
}

impl<'a> Balancers<'a> {
    /// All of them are up and know the first version of the pool.
    pub(crate) fn new(scenario: &Scenario, designs: &[Design], views: &'a [View], seed: u64) -> Self {
        let node = |_| Node { view: 0, designs: designs.iter().map(|design| design.balancer(&views[0])).collect() };
        Self {
            views,
            newest: 0,
            router: Router::new(scenario.spread, scenario.balancers),
            nodes: (0..scenario.balancers).map(node).collect(),
            wires: designs.iter().map(|design| Wire::new(*design, scenario.balancers, seed)).collect(),
        }
    }

    /// Who gets a new flow.
    pub(crate) fn owner(&self, hash: u64, route: u32) -> Option<Member> {
        self.views[self.nodes[self.router.balancer(route)].view].current(hash)
    }

    /// A packet goes through its balancer of each design but those whose bits are set in `skip`.
    pub(crate) fn send(&mut self, packet: Packet, route: u32, skip: u32, now: Moment, mut to: impl FnMut(usize, Path)) {
        let balancer = self.router.balancer(route);
        let node = &mut self.nodes[balancer];
        let view = &self.views[node.view];
        for (index, design) in node.designs.iter_mut().enumerate().filter(|(index, _)| skip & 1 << index == 0) {
            let member = design.route(view, packet, now);
            to(index, Path { member, passes_to: design.second_chance(view, packet) });
            self.wires[index].collect(balancer, design.as_mut(), now);
        }
    }

    /// A balancer learns of a version of the pool.
    pub(crate) fn learn(&mut self, balancer: usize, view: usize, now: Moment) {
        let node = &mut self.nodes[balancer];
        if view > node.view {
            for design in &mut node.designs {
                design.learn(&self.views[node.view], &self.views[view], now);
            }
            node.view = view;
        }
        self.newest = self.newest.max(view);
    }

    /// A balancer gets no more packets, and hears and says nothing.
    pub(crate) fn leaves(&mut self, balancer: usize) {
        self.router.leaves(balancer);
    }

    /// A balancer begins anew. One that asks a peer gets the answer before it gets packets; messages that are on their
    /// way meanwhile reach it as they reach the others.
    pub(crate) fn returns(&mut self, balancer: usize, now: Moment) {
        let own = &self.views[self.newest];
        let peer = self.router.up()[0];
        let theirs = &self.views[self.nodes[peer].view];
        for (index, wire) in self.wires.iter_mut().enumerate() {
            let snapshot = self.nodes[peer].designs[index].snapshot();
            let design = &mut self.nodes[balancer].designs[index];
            design.restart(own);
            if let Some(snapshot) = snapshot {
                wire.answer(snapshot.bytes(), now);
                design.join(snapshot, theirs, own, now);
            }
        }
        self.nodes[balancer].view = self.newest;
        self.router.returns(balancer);
    }

    /// Messages arrive.
    pub(crate) fn hear(&mut self, now: Moment) {
        for (index, wire) in self.wires.iter_mut().enumerate() {
            while let Some(sent) = wire.arrived(now) {
                for balancer in self.router.up().iter().filter(|balancer| **balancer != sent.from) {
                    if !wire.loses() {
                        let node = &mut self.nodes[*balancer];
                        node.designs[index].hear(&self.views[node.view], sent.from, sent.message, now);
                    }
                }
            }
        }
    }

    /// What agents do from time to time.
    pub(crate) fn tend(&mut self, results: &mut [Result], now: Moment) {
        for balancer in self.router.up() {
            let node = &mut self.nodes[*balancer];
            let view = &self.views[node.view];
            for ((design, wire), result) in node.designs.iter_mut().zip(&mut self.wires).zip(results.iter_mut()) {
                design.tend(view, now);
                wire.collect(*balancer, design.as_mut(), now);
                let memory = design.memory(view);
                result.memory.used = result.memory.used.max(memory.used);
                result.memory.reserved = result.memory.reserved.max(memory.reserved);
            }
        }
    }

    /// The datagrams of a tick leave.
    pub(crate) fn flush(&mut self, now: Moment) {
        let peers = self.router.up().len() - 1;
        self.wires.iter_mut().for_each(|wire| wire.flush(peers, now));
    }

    /// Adds up what was done.
    pub(crate) fn account(&self, results: &mut [Result]) {
        for (index, result) in results.iter_mut().enumerate() {
            result.traffic = self.wires[index].traffic();
            for node in &self.nodes {
                result.work += node.designs[index].work();
            }
        }
    }
}
