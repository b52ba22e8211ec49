//! When to send which announcement: at once, and a few times more in case that one is lost. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::Announcement;

/// Each claim that holds, how often it is still to be sent, and when next.
#[derive(Debug, Default)]
pub(super) struct Repeat {
    claims: BTreeMap<Announcement, (u8, Instant)>,
}

impl Repeat {
    /// Takes the claims that hold, and says which are to be sent now.
    pub(super) fn due(&mut self, holding: &BTreeSet<Announcement>, now: Instant) -> Vec<Announcement> {
        self.claims.retain(|claim, _| holding.contains(claim));
        for &claim in holding {
            self.claims.entry(claim).or_insert((TIMES, now));
        }
        let mut due = Vec::new();
        for (&claim, (left, at)) in &mut self.claims {
            if *left > 0 && *at <= now {
                *left -= 1;
                *at = now + INTERVAL;
                due.push(claim);
            }
        }
        due
    }

    /// When something is to be sent next.
    pub(super) fn next(&self) -> Option<Instant> {
        self.claims.values().filter(|(left, _)| *left > 0).map(|(_, at)| *at).min()
    }
}

/// How often a claim is sent in all; RFC 5227 has `ANNOUNCE_NUM` 2, one more does no harm.
const TIMES: u8 = 3;

/// RFC 5227 has `ANNOUNCE_INTERVAL` 2 s; a VIP that moved wants to be known sooner.
const INTERVAL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mac;

    fn claim(ifindex: u32, mac: u8) -> Announcement {
        Announcement { vip: "192.0.2.10".parse().unwrap(), ifindex, mac: Mac([2, 0, 0, 0, 0, mac]) }
    }

    #[test]
    fn a_new_claim_is_sent_at_once_and_repeated_to_an_end() {
        let (mut repeat, start) = (Repeat::default(), Instant::now());
        let holding = BTreeSet::from([claim(2, 1)]);
        for round in 0..u32::from(TIMES) {
            let now = start + round * INTERVAL;
            assert_eq!(repeat.due(&holding, now), [claim(2, 1)]);
            assert_eq!(repeat.due(&holding, now + INTERVAL / 2), [], "not before its time");
        }
        assert_eq!(repeat.next(), None);
        assert_eq!(repeat.due(&holding, start + 100 * INTERVAL), []);
    }

    #[test]
    fn another_mac_is_another_claim() {
        let (mut repeat, start) = (Repeat::default(), Instant::now());
        repeat.due(&BTreeSet::from([claim(2, 1)]), start);
        assert_eq!(repeat.due(&BTreeSet::from([claim(2, 9)]), start), [claim(2, 9)]);
        assert_eq!(repeat.due(&BTreeSet::from([claim(2, 9), claim(3, 1)]), start), [claim(3, 1)]);
    }

    #[test]
    fn a_claim_that_held_before_and_holds_again_is_new() {
        let (mut repeat, start) = (Repeat::default(), Instant::now());
        let holding = BTreeSet::from([claim(2, 1)]);
        assert_eq!(repeat.due(&holding, start), [claim(2, 1)]);
        assert_eq!(repeat.due(&BTreeSet::new(), start), []);
        assert_eq!(repeat.next(), None, "what does not hold is not repeated");
        assert_eq!(repeat.due(&holding, start), [claim(2, 1)]);
    }
}
