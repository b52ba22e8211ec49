//! When to make the kernel ask a backend for its MAC. Pure.
//!
//! The kernel confirms a neighbour when it sends it packets, and forwarded packets never reach the kernel's stack. Left
//! alone, an entry would go stale and be collected, and a host that is gone would stay in the table.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, Instant},
};

use super::facts::NeighbourKey;

/// What a neighbour entry needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Care {
    /// It has no MAC: ask for it by broadcast.
    Solicit,
    /// It has one that nobody has confirmed for a while: ask the neighbour itself.
    Confirm,
}

/// Each entry that needs care, and when it gets it next.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    due: BTreeMap<NeighbourKey, (Care, Instant)>,
}

impl Upkeep {
    /// Takes what is needed now, and says what to do now. What is new in need of a MAC is due at once.
    pub(super) fn due(&mut self, cares: &BTreeMap<NeighbourKey, Care>, now: Instant) -> Vec<(NeighbourKey, Care)> {
        self.due.retain(|key, (care, _)| cares.get(key) == Some(care));
        for (&key, &care) in cares {
            let first = match care {
                Care::Solicit => now,
                Care::Confirm => now + CONFIRM + spread(key),
            };
            self.due.entry(key).or_insert((care, first));
        }
        let mut ready = Vec::new();
        for (&key, (care, at)) in &mut self.due {
            if *at <= now {
                *at = now + interval(*care);
                ready.push((key, *care));
            }
        }
        ready
    }

    /// When something is due next.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.values().map(|(_, at)| *at).min()
    }
}

/// Confirmations of many backends that were learnt together are spread over this time, so that the answers do not
/// come in one burst.
fn spread(key: NeighbourKey) -> Duration {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    Duration::from_millis(hasher.finish() % SPREAD_MILLIS)
}

const fn interval(care: Care) -> Duration {
    match care {
        Care::Solicit => SOLICIT,
        Care::Confirm => CONFIRM,
    }
}

/// Between two solicitations: the kernel's own interval (`retrans_time_ms`).
const SOLICIT: Duration = Duration::from_secs(1);

/// How long an entry goes unconfirmed. The kernel then asks the neighbour three times, a second apart (`ucast_solicit`),
/// and then everybody three times (`mcast_solicit`), before the neighbour is given up; so a host that is gone is noticed
/// within thirteen seconds.
const CONFIRM: Duration = Duration::from_secs(5);

const SPREAD_MILLIS: u64 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: NeighbourKey = (3, std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)));
    const LATEST: Duration = Duration::from_secs(6);

    fn cares(care: Care) -> BTreeMap<NeighbourKey, Care> {
        BTreeMap::from([(KEY, care)])
    }

    #[test]
    fn a_missing_mac_is_asked_for_at_once_and_each_second() {
        let (mut upkeep, start) = (Upkeep::default(), Instant::now());
        let missing = cares(Care::Solicit);
        assert_eq!(upkeep.due(&missing, start), [(KEY, Care::Solicit)]);
        assert_eq!(upkeep.due(&missing, start + SOLICIT / 2), []);
        assert_eq!(upkeep.next(), Some(start + SOLICIT));
        assert_eq!(upkeep.due(&missing, start + SOLICIT), [(KEY, Care::Solicit)]);
        assert_eq!(upkeep.next(), Some(start + 2 * SOLICIT));
    }

    #[test]
    fn an_idle_entry_is_confirmed_after_a_while() {
        let (mut upkeep, start) = (Upkeep::default(), Instant::now());
        assert_eq!(upkeep.due(&cares(Care::Confirm), start), []);
        assert!(upkeep.next().is_some_and(|at| at >= start + CONFIRM && at < start + LATEST));
        assert_eq!(upkeep.due(&cares(Care::Confirm), start + LATEST), [(KEY, Care::Confirm)]);
        // The kernel checks now: nothing is due, and the time starts anew afterwards.
        assert_eq!(upkeep.due(&BTreeMap::new(), start + LATEST), []);
        assert_eq!(upkeep.next(), None);
        assert_eq!(upkeep.due(&cares(Care::Confirm), start + LATEST), []);
    }

    #[test]
    fn an_entry_that_is_lost_is_solicited_at_once() {
        let (mut upkeep, start) = (Upkeep::default(), Instant::now());
        upkeep.due(&cares(Care::Confirm), start);
        assert_eq!(upkeep.due(&cares(Care::Solicit), start), [(KEY, Care::Solicit)]);
    }
}
