//! The reference model: what the program has to do with a frame, written from `docs/datapath.md` and the RFCs alone.
//!
//! A frame and the time enter; verdict, frame afterwards and counters leave. Plain on purpose: a list instead of a
//! hash table, copies instead of rewriting in place, checksums summed anew. It shares with the kernel side only what
//! the page leaves to the code: the flow's hash and the Maglev table.

mod arp;
mod checksum;
mod echo;
mod extensions;
mod forward;
mod fragments;
mod icmp;
mod ipv4;
mod ipv6;
mod link;
mod ndp;
mod packet;
mod reject;
mod rule;
mod select;
#[cfg(test)]
mod tests;
mod track;
mod vlan;

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use dsr::model::{Announce, Desired, InterfaceState, Network};

pub use self::{fragments::FRAGMENTS_KEPT, rule::Rule};
use self::{fragments::Fragments, link::Link, select::Chosen, track::Tracking};
use crate::{
    heartbeat::Heartbeat,
    program::{Counter, Verdict},
};

/// What becomes of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The XDP action.
    pub verdict: Verdict,
    /// The frame afterwards.
    pub frame: Vec<u8>,
    /// Who it was sent to, or why it was not.
    pub why: Why,
    /// The counters that move, and by how much.
    pub counted: BTreeMap<Counter, u64>,
    /// The member that it is for, sent or not: numbers of a rule and of a backend within it.
    pub member: Option<(usize, usize)>,
}

/// The last word about a frame.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The name of a reason.
    Reason(&'static str),
    /// Sent to this backend by this service.
    Sent {
        /// The service's name.
        service: String,
        /// The backend's name.
        backend: String,
    },
}

/// The model of one interface's program.
#[derive(Clone, Debug)]
pub struct Model {
    rules: Vec<Rule>,
    /// The owner of each slot, a table a rule, as the number of a backend.
    tables: Vec<Vec<Option<usize>>>,
    hash_seed: u64,
    network: Network,
    own: Option<InterfaceState>,
    fragments: Fragments,
    tracking: Tracking,
    heartbeat: Heartbeat,
    /// The member that the present frame is for.
    member: Option<(usize, usize)>,
}

/// How a frame ends: the word of the page, with what is needed to carry it out.
enum Fate {
    /// Unchanged: passed or dropped, as the reason's name says.
    Ends(&'static str),
    /// The frame to answer with.
    Answered(&'static str, Vec<u8>),
    /// To a backend.
    Sent(Sending),
    /// Not to that backend, because it came from there.
    Looped(Chosen),
    /// To no backend, because the rule of this number has none.
    Empty(usize),
    /// Not to that backend, because the packet is larger than this, the largest that fits the path.
    TooBig(Chosen, usize),
}

/// What is counted on the backend that a frame is sent to.
struct Sending {
    to: Chosen,
    /// Bytes of the link header as it came in and of the IP packet.
    bytes: usize,
    /// The link header's share of them.
    bytes_before: usize,
    opens_flow: bool,
    /// The hash of the flow, or of a later fragment's datagram.
    hash: u64,
    /// Where the transport header is in the IP packet, and its protocol; nothing in a later fragment.
    transport: Option<(usize, u8)>,
}

impl Model {
    /// The model for what an agent was told and knows. `own` is the interface that frames come in on; without one it
    /// is none of the agent's.
    pub fn new(desired: &Desired, network: &Network, own: Option<InterfaceState>) -> Self {
        Self::of_rules(rule::rules(desired), desired.hash_seed, network, own)
    }

    /// The same from rules.
    pub fn of_rules(rules: Vec<Rule>, hash_seed: u64, network: &Network, own: Option<InterfaceState>) -> Self {
        let tables = rules.iter().map(|rule| select::table(rule, network, hash_seed)).collect();
        let (network, fragments) = (network.clone(), Fragments::default());
        let tracking = Tracking::new(rules.len(), 1, 1);
        let heartbeat = Heartbeat::default();
        Self { rules, tables, hash_seed, network, own, fragments, tracking, heartbeat, member: None }
    }

    /// The same, with so many sets of the flow table and of the embryonic table.
    #[must_use]
    pub fn with_sets(self, established_sets: u32, embryonic_sets: u32) -> Self {
        Self { tracking: Tracking::new(self.rules.len(), established_sets, embryonic_sets), ..self }
    }

    /// From now on the agent lives, or does not.
    pub fn set_heartbeat(&mut self, heartbeat: Heartbeat) {
        self.heartbeat = heartbeat;
    }

    /// What becomes of a frame that comes in `now`, by any clock that does not go backwards.
    pub fn decide(&mut self, now: Duration, frame: &[u8]) -> Decision {
        self.member = None;
        let fate = self.fate(now, frame);
        let mut decision = Decision { member: self.member, ..self.carry_out(frame, fate) };
        decision.counted.extend(self.tracking.counted.drain(..).map(|how| (Counter::Tracking(how), 1)));
        decision
    }

    /// "Link" of the page.
    fn fate(&mut self, now: Duration, frame: &[u8]) -> Fate {
        let Some(own) = self.own else {
            return Fate::Ends("pass_no_interface");
        };
        if frame.len() < link::ETHERNET {
            return Fate::Ends("pass_truncated");
        }
        let destination = link::destination(frame);
        if destination != own.mac.0 && !link::is_group(destination) {
            return Fate::Ends("pass_other_host");
        }
        let Some(link) = Link::read(frame) else {
            return Fate::Ends("pass_truncated");
        };
        if self.is_foreign(&link) {
            return Fate::Ends("pass_vlan");
        }
        match link.ether_type {
            link::ARP => self.arp(&link, own.mac.0),
            link::IPV4 if link.is_group() => Fate::Ends("pass_group"),
            link::IPV4 => self.ipv4(now, &link),
            link::IPV6 if self.rules.iter().any(|rule| rule.vip.is_ipv6()) => self.ipv6(now, &link, own.mac.0),
            _ => Fate::Ends("pass_not_ip"),
        }
    }

    fn carry_out(&self, frame: &[u8], fate: Fate) -> Decision {
        let (verdict, after, why, counted) = match fate {
            Fate::Empty(_) => return self.carry_out(frame, Fate::Ends("drop_no_backend")),
            Fate::TooBig(..) => return self.carry_out(frame, Fate::Ends("drop_too_big")),
            Fate::Ends(reason) => {
                let verdict = if reason.starts_with("pass_") { Verdict::Pass } else { Verdict::Drop };
                (verdict, frame.to_vec(), Why::Reason(reason), vec![(Counter::Reason(reason), 1)])
            }
            Fate::Answered(reason, answer) => {
                (Verdict::Tx, answer, Why::Reason(reason), vec![(Counter::Reason(reason), 1)])
            }
            Fate::Sent(sending) => self.send(frame, &sending),
            Fate::Looped(chosen) => {
                let (service, backend) = self.names(&chosen);
                let counted = vec![(Counter::Reason("drop_loop"), 1), (Counter::Loops(service, backend), 1)];
                (Verdict::Drop, frame.to_vec(), Why::Reason("drop_loop"), counted)
            }
        };
        Decision { verdict, frame: after, why, counted: counted.into_iter().collect(), member: None }
    }

    /// The frame with the member's link header: MACs, then as many tags as its segment has, then what the forward mode
    /// makes of the rest.
    fn send(&self, frame: &[u8], sending: &Sending) -> (Verdict, Vec<u8>, Why, Vec<(Counter, u64)>) {
        let hop = forward::next_hop(&sending.to, sending.hash);
        let mut after = [hop.destination.0, hop.source.0].concat();
        for tag in &hop.tags {
            after.extend_from_slice(&tag.tpid.to_be_bytes());
            after.extend_from_slice(&tag.id.to_be_bytes());
        }
        after.extend(forward::from_ether_type(frame, sending));
        let same = self.own.is_some_and(|own| own.ifindex == hop.ifindex);
        let (service, backend) = self.names(&sending.to);
        let mut counted = vec![
            (Counter::Packets(service.clone(), backend.clone()), 1),
            (Counter::Bytes(service.clone(), backend.clone()), sending.bytes as u64),
        ];
        if sending.opens_flow {
            counted.push((Counter::NewFlows(service.clone(), backend.clone()), 1));
        }
        (if same { Verdict::Tx } else { Verdict::Redirect }, after, Why::Sent { service, backend }, counted)
    }

    fn names(&self, chosen: &Chosen) -> (String, String) {
        let rule = &self.rules[chosen.rule];
        (rule.name.clone(), rule.backends[chosen.backend].name.clone())
    }

    /// Whether the address is a VIP: some service has it.
    fn is_vip(&self, address: impl Into<IpAddr>) -> bool {
        let address = address.into();
        self.rules.iter().any(|rule| rule.vip == address)
    }

    /// Whether the address is a VIP that the program answers for.
    fn is_announced(&self, address: impl Into<IpAddr>) -> bool {
        let address = address.into();
        self.rules.iter().any(|rule| rule.vip == address && rule.announce == Announce::Arp)
    }
}
