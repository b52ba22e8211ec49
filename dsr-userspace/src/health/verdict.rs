//! What the planner is told: from how backends stand to what they may get. Pure.

use std::net::IpAddr;

use crate::model::{Cause, Check, Checks, Condition, Health, OnDown, Service, ServiceId};

/// How a backend stands, seen from a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It passes its check, or has none.
    #[default]
    Up,
    /// It does not, and why.
    Down(Cause),
}

/// What becomes of all backends, and which services use backends that are down, since too few are up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// For the planner.
    pub health: Health,
    /// Services that have fewer backends up than `min_healthy` asks for.
    pub overridden: Vec<ServiceId>,
}

/// Judges all services. `state` says how a backend, known by its address, stands.
pub fn judge(services: &[Service], checks: &Checks, state: impl Fn(ServiceId, IpAddr) -> State) -> Verdict {
    let mut overridden = Vec::new();
    let mut conditions = Vec::new();
    for service in services {
        let Some(check) = checks.0.get(&service.id) else { continue };
        let states: Vec<_> = service.backends.iter().map(|b| (b, state(service.id, b.address))).collect();
        let used = || states.iter().filter(|(backend, _)| backend.weight.get() > 0);
        let up = used().filter(|(_, state)| *state == State::Up).count();
        if up < used().count() && check.min_healthy.is_missed(up, used().count()) {
            overridden.push(service.id);
            continue;
        }
        conditions.extend(states.iter().map(|(b, state)| ((service.id, b.address), condition(*state, check))));
    }
    Verdict { health: conditions.into_iter().collect(), overridden }
}

fn condition(state: State, check: &Check) -> Condition {
    match (state, check.on_down) {
        (State::Up, _) => Condition::Up,
        (State::Down(_), OnDown::Move) => Condition::Down,
        (State::Down(cause), OnDown::Auto) if cause.is_of_the_host() => Condition::Down,
        (State::Down(_), OnDown::Auto | OnDown::Keep) => Condition::Draining,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        num::{NonZeroU16, NonZeroU32},
        sync::Arc,
        time::Duration,
    };

    use super::*;
    use crate::{config, model::MinHealthy};

    const FILE: &str = "
interfaces: [eth0]
pools:
  web:
    backends:
      - {name: a, address: 10.0.0.1}
      - {name: b, address: 10.0.0.2}
      - {name: c, address: 10.0.0.3}
      - {name: d, address: 10.0.0.4, weight: 0}
services:
  - {name: www, vip: 192.0.2.10, port: 80, pool: web}
";

    fn conditions(min_healthy: MinHealthy, on_down: OnDown, down: &[(u8, Cause)]) -> (Vec<Condition>, usize) {
        let services = config::parse(FILE, "dsr.yaml".as_ref()).unwrap().desired.services;
        let one = NonZeroU32::MIN;
        let check = Check {
            probe: crate::model::Probe::Tcp,
            port: NonZeroU16::MIN,
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            rise: one,
            fall: one,
            min_healthy,
            on_down,
        };
        let checks = Checks(BTreeMap::from([(services[0].id, Arc::new(check))]));
        let is = |n: u8, address: IpAddr| IpAddr::from([10, 0, 0, n]) == address;
        let verdict = judge(&services, &checks, |_, address| {
            down.iter().find(|(n, _)| is(*n, address)).map_or(State::Up, |(_, cause)| State::Down(*cause))
        });
        let of = |b: &crate::model::Backend| verdict.health.of(services[0].id, b.address);
        (services[0].backends.iter().map(of).collect(), verdict.overridden.len())
    }

    #[test]
    fn flows_move_where_the_host_is_gone_and_else_stay() {
        use Condition::{Down, Draining, Up};
        let down = [(1, Cause::HostDown), (2, Cause::VipMissing)];
        let any = MinHealthy::default();
        assert_eq!(conditions(any, OnDown::Auto, &down), (vec![Down, Draining, Up, Up], 0));
        assert_eq!(conditions(any, OnDown::Keep, &down), (vec![Draining, Draining, Up, Up], 0));
        assert_eq!(conditions(any, OnDown::Move, &down), (vec![Down, Down, Up, Up], 0));
    }

    #[test]
    fn all_are_used_when_too_few_are_up() {
        use Condition::{Draining, Up};
        let down = [(1, Cause::VipMissing), (2, Cause::VipMissing)];
        assert_eq!(conditions(MinHealthy::Count(2), OnDown::Auto, &down), (vec![Up; 4], 1));
        // The one of weight 0 does not count: one of three is up.
        assert_eq!(conditions(MinHealthy::Percent(34), OnDown::Auto, &down), (vec![Up; 4], 1));
        let kept = (vec![Draining, Draining, Up, Up], 0);
        assert_eq!(conditions(MinHealthy::Percent(33), OnDown::Auto, &down), kept);
        assert_eq!(conditions(MinHealthy::Count(1), OnDown::Auto, &down), kept);
    }
}
