//! Frames by the hundred thousand: of every kind that `docs/datapath.md` names, sound and broken.
//!
//! A seed and a number enter, the frames of one case leave: the same for ever. A case is a few frames that belong
//! together, such as the fragments of a datagram; no case needs another one to have been run.

mod arp;
pub mod cluster;
mod icmp;
mod ip;
mod link;
mod mutate;
mod ndp;
mod rng;
pub mod tracked;
mod transport;
pub mod tunnels;
mod whole;

use self::whole::Packet;
pub use self::{link::wrapped, rng::Rng};
use crate::heartbeat::Heartbeat;

/// A few frames to be run one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Which of the seed's cases it is.
    pub number: u64,
    /// What was made of what.
    pub about: String,
    /// The frames, none shorter than an Ethernet header.
    pub frames: Vec<Vec<u8>>,
    /// Whether the agent lives when the first of them comes, and when the others do.
    pub heartbeats: [Heartbeat; 2],
}

impl Case {
    /// The same for the frame with this index.
    pub fn heartbeat(&self, index: usize) -> Heartbeat {
        self.heartbeats[index.min(1)]
    }
}

/// What is done to the frames once they are built, and how often in a hundred cases.
const TREATMENTS: [(u64, &str, Treatment); 7] = [
    (35, "as built", |_, _| ()),
    (38, "mutated", |rng, frames| mutate::fields(rng, frames)),
    (10, "bits flipped", |rng, frames| mutate::bits(rng, frames)),
    (8, "cut", |rng, frames| mutate::cut(rng, frames)),
    (5, "padded", |rng, frames| mutate::pad(rng, frames)),
    (1, "cut at every length", mutate::every_length),
    (3, "mutated and cut", |rng, frames| {
        mutate::fields(rng, frames);
        mutate::cut(rng, frames);
    }),
];

type Treatment = fn(&mut Rng, &mut Vec<Vec<u8>>);
type Builder = fn(&mut Rng) -> Vec<Packet>;

/// What the frames hold, and how often in a hundred cases.
const KINDS: [(u64, &str, Builder); 8] = [
    (42, "flow", whole::flow),
    (12, "fragments", whole::fragments),
    (9, "echo", |rng| vec![icmp::echo(rng)]),
    (13, "ICMP error", icmp::error),
    (3, "other ICMP", |rng| vec![icmp::other(rng)]),
    (8, "ARP", |rng| vec![arp::packet(rng)]),
    (10, "neighbour discovery", |rng| vec![ndp::packet(rng)]),
    (3, "noise", |rng| vec![whole::noise(rng)]),
];

/// Case `number` of a seed.
pub fn case(seed: u64, number: u64) -> Case {
    let mut rng = Rng::new(seed, number);
    let (kind, build) = rng.weighted(&KINDS);
    let packets = build(&mut rng);
    let mut frames = link::frames(&mut rng, packets);
    let (treatment, treat) = rng.weighted(&TREATMENTS);
    treat(&mut rng, &mut frames);
    for frame in &mut frames {
        frame.resize(frame.len().max(link::ETHERNET), 0);
    }
    Case { number, about: format!("{kind}, {treatment}"), frames, heartbeats: heartbeats(&mut rng) }
}

/// Mostly the agent lives; now and then it dies, or comes back, just after the first frame.
fn heartbeats(rng: &mut Rng) -> [Heartbeat; 2] {
    let first = if rng.one_in(4) { Heartbeat::Stopped } else { Heartbeat::Beats };
    let others = match first {
        Heartbeat::Beats if rng.one_in(8) => Heartbeat::Stopped,
        Heartbeat::Stopped if rng.one_in(8) => Heartbeat::Beats,
        same => same,
    };
    [first, others]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_always_the_same() {
        for number in 0..200 {
            assert_eq!(case(1, number), case(1, number));
        }
        assert_ne!((0..20).map(|n| case(1, n)).collect::<Vec<_>>(), (0..20).map(|n| case(2, n)).collect::<Vec<_>>());
    }

    #[test]
    fn every_frame_can_be_run() {
        for number in 0..2000 {
            for frame in case(3, number).frames {
                assert!((14..=1800).contains(&frame.len()), "case {number}: {} bytes", frame.len());
            }
        }
    }
}
