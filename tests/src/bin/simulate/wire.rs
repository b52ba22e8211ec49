//! The network between the balancers of a cluster: messages arrive after a while, or not at all, and take bytes.

use std::collections::VecDeque;

use crate::{
    design::{Balancer, Design, Message},
    random::Random,
    time::Moment,
};

/// Bytes of a datagram beside its entries: Ethernet, IPv6 and UDP (62), and what authenticates and counts it (32).
const HEADER_BYTES: usize = 62 + 32;
/// Bytes of a datagram's entries, at most.
const PAYLOAD_BYTES: usize = 1360;

/// What went over the wire.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traffic {
    /// Bytes that balancers sent, headers included.
    pub(crate) bytes: u64,
    /// Those of the second in which they were most.
    pub(crate) peak: u64,
}

/// The messages of one design.
pub(crate) struct Wire {
    delay: f64,
    loss: f64,
    multicast: bool,
    random: Random,
    sent: VecDeque<Sent>,
    /// By sender, bytes of entries in this tick: they share datagrams.
    unsent: Vec<usize>,
    second: (u64, u64),
    traffic: Traffic,
}

/// A message on its way.
pub(crate) struct Sent {
    at: Moment,
    pub(crate) from: usize,
    pub(crate) message: Message,
}

impl Wire {
    /// Between so many balancers of a design.
    pub(crate) fn new(design: Design, balancers: usize, seed: u64) -> Self {
        let sharing = design.sharing();
        Self {
            delay: f64::from(sharing.delay) / 1000.0,
            loss: f64::from(sharing.loss) / 100.0,
            multicast: matches!(design, Design::Ipvs(_)),
            random: Random::new(seed, "losses"),
            sent: VecDeque::new(),
            unsent: vec![0; balancers],
            second: (0, 0),
            traffic: Traffic::default(),
        }
    }

    /// Takes what a balancer has to say.
    pub(crate) fn collect(&mut self, from: usize, balancer: &mut dyn Balancer, now: Moment) {
        let Some(outbox) = balancer.outbox() else { return };
        if outbox.is_empty() {
            return;
        }
        let at = now.after(self.delay);
        self.unsent[from] += outbox.iter().map(|message| message.bytes()).sum::<usize>();
        self.sent.extend(outbox.drain(..).map(|message| Sent { at, from, message }));
    }

    /// The next message that has arrived by now.
    pub(crate) fn arrived(&mut self, now: Moment) -> Option<Sent> {
        let arrived = self.sent.front().is_some_and(|sent| sent.at <= now);
        arrived.then(|| self.sent.pop_front()).flatten()
    }

    /// Whether one peer does not get a message.
    pub(crate) fn loses(&mut self) -> bool {
        self.loss > 0.0 && self.random.unit() < self.loss
    }

    /// Counts the datagrams of a tick, each to so many peers.
    pub(crate) fn flush(&mut self, peers: usize, now: Moment) {
        let copies = if self.multicast { peers.min(1) } else { peers };
        let sent: usize = self.unsent.iter_mut().map(|bytes| datagrams(std::mem::take(bytes))).sum();
        self.count((sent * copies) as u64, now);
    }

    /// Counts an answer to one peer.
    pub(crate) fn answer(&mut self, bytes: usize, now: Moment) {
        self.count(datagrams(bytes) as u64, now);
    }

    /// What went over it.
    pub(crate) fn traffic(&self) -> Traffic {
        self.traffic
    }

    fn count(&mut self, bytes: u64, now: Moment) {
        let second = now.seconds() as u64;
        if self.second.0 != second {
            self.second = (second, 0);
        }
        self.second.1 += bytes;
        self.traffic.bytes += bytes;
        self.traffic.peak = self.traffic.peak.max(self.second.1);
    }
}

/// The bytes that entries take with the headers of their datagrams.
fn datagrams(bytes: usize) -> usize {
    bytes + bytes.div_ceil(PAYLOAD_BYTES) * HEADER_BYTES
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        design::{Memory, Packet, Sharing, Tracking},
        pool::{Member, View},
    };

    /// A balancer that only talks.
    struct Talker(Vec<Message>);

    impl Balancer for Talker {
        fn route(&mut self, _view: &View, _packet: Packet, _now: Moment) -> Option<Member> {
            None
        }

        fn outbox(&mut self) -> Option<&mut Vec<Message>> {
            Some(&mut self.0)
        }

        fn memory(&self, _view: &View) -> Memory {
            Memory::default()
        }
    }

    fn wire(sharing: Sharing) -> Wire {
        Wire::new(Design::Shared(Tracking::with_bytes(1 << 10), sharing), 2, 1)
    }

    fn say(wire: &mut Wire, messages: usize, now: Moment) {
        wire.collect(1, &mut Talker(vec![Message::Digest { digest: 1, waits: true }; messages]), now);
    }

    #[test]
    fn messages_arrive_after_a_while() {
        let mut wire = wire(Sharing { delay: 100, ..Sharing::PROMPT });
        say(&mut wire, 1, Moment::at(1.0));
        assert!(wire.arrived(Moment::at(1.09)).is_none());
        assert_eq!(wire.arrived(Moment::at(1.1)).map(|sent| sent.from), Some(1));
        assert!(wire.arrived(Moment::at(9.0)).is_none(), "it arrives once");
    }

    #[test]
    fn messages_of_a_tick_share_datagrams_and_each_peer_gets_its_own() {
        let mut wire = wire(Sharing::PROMPT);
        for (at, messages) in [(1.0, 85), (1.5, 86), (2.0, 1)] {
            say(&mut wire, messages, Moment::at(at));
            wire.flush(3, Moment::at(at));
        }
        let bytes = |messages: u64, datagrams: u64| 3 * (messages * 16 + datagrams * 94);
        let first_second = bytes(85, 1) + bytes(86, 2);
        assert_eq!(wire.traffic().bytes, first_second + bytes(1, 1));
        assert_eq!(wire.traffic().peak, first_second);
    }

    #[test]
    fn so_many_messages_are_lost() {
        let mut wire = wire(Sharing { loss: 10, ..Sharing::PROMPT });
        let lost = (0..10_000).filter(|_| wire.loses()).count();
        assert!((900..1100).contains(&lost), "{lost}");
    }
}
