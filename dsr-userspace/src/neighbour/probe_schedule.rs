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
pub(super) enum NeighbourProbe {
    /// It has no MAC: ask for it by broadcast.
    Solicit,
    /// It has one that was not confirmed for a while: ask the neighbour itself.
    Confirm,
    /// It has one, and a bridge does not know any more where that is: ask the neighbour itself.
    Locate,
}

/// Each entry that needs care, and when it gets it next.
#[derive(Debug, Default)]
pub(super) struct ProbeSchedule {
    due: BTreeMap<NeighbourKey, (NeighbourProbe, Instant)>,
}

impl ProbeSchedule {
    /// Takes what is needed now, and says what to do now. What is new in need of a MAC or of its port is due at once.
    pub(super) fn due(
        &mut self,
        probes: &BTreeMap<NeighbourKey, NeighbourProbe>,
        now: Instant,
    ) -> Vec<(NeighbourKey, NeighbourProbe)> {
        self.due.retain(|key, (probe, _)| probes.get(key) == Some(probe));
        for (&key, &probe) in probes {
            let first = match probe {
                NeighbourProbe::Solicit | NeighbourProbe::Locate => now,
                NeighbourProbe::Confirm => now + CONFIRM + spread(key),
            };
            self.due.entry(key).or_insert((probe, first));
        }
        let mut ready = Vec::new();
        for (&key, (probe, at)) in &mut self.due {
            if *at <= now {
                *at = now + interval(*probe);
                ready.push((key, *probe));
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

const fn interval(probe: NeighbourProbe) -> Duration {
    match probe {
        NeighbourProbe::Solicit | NeighbourProbe::Locate => SOLICIT,
        NeighbourProbe::Confirm => CONFIRM,
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

    fn probes(probe: NeighbourProbe) -> BTreeMap<NeighbourKey, NeighbourProbe> {
        BTreeMap::from([(KEY, probe)])
    }

    #[test]
    fn a_missing_mac_is_asked_for_at_once_and_each_second() {
        let (mut probe_schedule, start) = (ProbeSchedule::default(), Instant::now());
        let missing = probes(NeighbourProbe::Solicit);
        assert_eq!(probe_schedule.due(&missing, start), [(KEY, NeighbourProbe::Solicit)]);
        assert_eq!(probe_schedule.due(&missing, start + SOLICIT / 2), []);
        assert_eq!(probe_schedule.next(), Some(start + SOLICIT));
        assert_eq!(probe_schedule.due(&missing, start + SOLICIT), [(KEY, NeighbourProbe::Solicit)]);
        assert_eq!(probe_schedule.next(), Some(start + 2 * SOLICIT));
    }

    #[test]
    fn an_idle_entry_is_confirmed_after_a_while() {
        let (mut probe_schedule, start) = (ProbeSchedule::default(), Instant::now());
        assert_eq!(probe_schedule.due(&probes(NeighbourProbe::Confirm), start), []);
        assert!(probe_schedule.next().is_some_and(|at| at >= start + CONFIRM && at < start + LATEST));
        assert_eq!(
            probe_schedule.due(&probes(NeighbourProbe::Confirm), start + LATEST),
            [(KEY, NeighbourProbe::Confirm)]
        );
        // The kernel checks now: nothing is due, and the time starts anew afterwards.
        assert_eq!(probe_schedule.due(&BTreeMap::new(), start + LATEST), []);
        assert_eq!(probe_schedule.next(), None);
        assert_eq!(probe_schedule.due(&probes(NeighbourProbe::Confirm), start + LATEST), []);
    }

    #[test]
    fn a_neighbour_whose_port_is_lost_is_asked_at_once() {
        let (mut probe_schedule, start) = (ProbeSchedule::default(), Instant::now());
        probe_schedule.due(&probes(NeighbourProbe::Confirm), start);
        assert_eq!(probe_schedule.due(&probes(NeighbourProbe::Locate), start), [(KEY, NeighbourProbe::Locate)]);
    }

    #[test]
    fn an_entry_that_is_lost_is_solicited_at_once() {
        let (mut probe_schedule, start) = (ProbeSchedule::default(), Instant::now());
        probe_schedule.due(&probes(NeighbourProbe::Confirm), start);
        assert_eq!(probe_schedule.due(&probes(NeighbourProbe::Solicit), start), [(KEY, NeighbourProbe::Solicit)]);
    }
}
