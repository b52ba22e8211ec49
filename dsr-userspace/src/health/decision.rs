//! Health decisions for the planner: from the state of backends to what they may get. Pure.

use std::{collections::BTreeSet, net::IpAddr};

use crate::model::{
    Backend, Cause, Check, Checks, Condition, Health, MinHealthy, OnDown, PooledBackend, Service, ServiceId,
};

/// How a backend stands, seen from a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It passes its check, or has none.
    #[default]
    Up,
    /// It does not, and why.
    Down(Cause),
}

/// What becomes of all backends, and of which services that is not as usual.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthDecision {
    /// For the planner.
    pub health: Health,
    /// Services that use backends that are down too, since fewer are up than `min_healthy` asks for.
    pub overridden: BTreeSet<ServiceId>,
    /// Services whose fallback serves.
    pub on_fallback: BTreeSet<ServiceId>,
}

/// What becomes of the backends of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceDecision {
    /// The backends that are not [`Condition::Up`], by address.
    pub conditions: Vec<(IpAddr, Condition)>,
    /// Whether all are used, since fewer are up than `min_healthy` asks for.
    pub overridden: bool,
    /// Whether its fallback serves.
    pub on_fallback: bool,
}

impl HealthDecision {
    /// What was decided of a service.
    pub fn of(&self, service: ServiceId) -> ServiceDecision {
        ServiceDecision {
            conditions: self.health.of_service(service),
            overridden: self.overridden.contains(&service),
            on_fallback: self.on_fallback.contains(&service),
        }
    }

    /// Replaces it.
    pub fn set(&mut self, service: ServiceId, decision: ServiceDecision) {
        self.health.set(service, decision.conditions);
        for (list, is_in) in
            [(&mut self.overridden, decision.overridden), (&mut self.on_fallback, decision.on_fallback)]
        {
            if is_in {
                list.insert(service)
            } else {
                list.remove(&service)
            };
        }
    }
}

/// Decides for all services. `state` says how a backend stands, known by the name of its pool and its own.
pub fn decide(
    services: &[Service],
    checks: &Checks,
    state: impl Fn(&Service, PooledBackend<'_>) -> State,
) -> HealthDecision {
    let mut decision = HealthDecision::default();
    for service in services {
        decision.set(service.id, decide_service(service, &service.backends, checks, &state));
    }
    decision
}

/// Decides for one service, by the weights of `backends`: those of the service, in their order.
pub fn decide_service(
    service: &Service,
    backends: &[Backend],
    checks: &Checks,
    state: impl Fn(&Service, PooledBackend<'_>) -> State,
) -> ServiceDecision {
    let health = ServiceHealth::of(service, backends, checks, state);
    let on_fallback = health.is_fallback_needed() && ServiceHealth::up(&health.standby) > 0;
    let overridden = !on_fallback && health.is_missed();
    let (own, standby) =
        if on_fallback { (Condition::Draining, Condition::Up) } else { (Condition::Up, Condition::Standby) };
    let least = |list: &[BackendHealth], least: Condition| {
        let condition = |backend: &BackendHealth| (backend.address, backend.condition().max(least));
        list.iter().map(condition).collect::<Vec<_>>()
    };
    let mut conditions = if overridden { Vec::new() } else { least(&health.own, own) };
    conditions.extend(least(&health.standby, standby));
    conditions.retain(|(_, condition)| *condition != Condition::Up);
    conditions.sort_unstable_by_key(|(address, _)| *address);
    ServiceDecision { conditions, overridden, on_fallback }
}

/// The backends of one service.
struct ServiceHealth {
    min_healthy: MinHealthy,
    own: Vec<BackendHealth>,
    standby: Vec<BackendHealth>,
    has_fallback: bool,
}

/// One of them.
struct BackendHealth {
    address: IpAddr,
    is_weighted: bool,
    state: State,
    on_down: OnDown,
}

impl ServiceHealth {
    fn of(
        service: &Service,
        backends: &[Backend],
        checks: &Checks,
        state: impl Fn(&Service, PooledBackend<'_>) -> State,
    ) -> Self {
        let mut own = Vec::with_capacity(backends.len());
        for (in_file, backend) in service.backends_by_pool().zip(backends) {
            own.push(BackendHealth {
                address: backend.address,
                is_weighted: backend.weight.get() > 0,
                state: state(service, PooledBackend { pool: in_file.pool, backend }),
                on_down: checks.of(service, backend.address).map_or(OnDown::default(), |check| check.on_down),
            });
        }
        let standby = own.split_off(service.parts().0.len());
        let check = checks.services.get(&service.id);
        let min_healthy = check.map_or(MinHealthy::default(), |check: &std::sync::Arc<Check>| check.min_healthy);
        Self { min_healthy, own, standby, has_fallback: service.fallback.is_some() }
    }

    /// How many of them can take new flows.
    fn up(backends: &[BackendHealth]) -> usize {
        backends.iter().filter(|backend_health| backend_health.is_weighted && backend_health.state == State::Up).count()
    }

    /// How many could if they were up.
    fn all(&self) -> usize {
        self.own.iter().filter(|backend_health| backend_health.is_weighted).count()
    }

    /// Whether so few are up that all of them are used.
    fn is_missed(&self) -> bool {
        let (up, all) = (Self::up(&self.own), self.all());
        up < all && self.min_healthy.is_missed(up, all)
    }

    /// Whether others should serve: at least where none is up.
    fn is_fallback_needed(&self) -> bool {
        self.has_fallback && (Self::up(&self.own) == 0 || self.is_missed())
    }
}

impl BackendHealth {
    fn condition(&self) -> Condition {
        match (self.state, self.on_down) {
            (State::Up, _) => Condition::Up,
            (State::Down(_), OnDown::Move) => Condition::Down,
            (State::Down(cause), OnDown::Auto) if cause.is_of_the_host() => Condition::Down,
            (State::Down(_), OnDown::Auto | OnDown::Keep) => Condition::Draining,
        }
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
    use crate::config;

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
    const WITH_FALLBACK: &str = "
interfaces: [eth0]
pools:
  web:
    fallback: sorry
    backends:
      - {name: a, address: 10.0.0.1}
      - {name: b, address: 10.0.0.2}
  sorry:
    backends:
      - {name: s, address: 10.0.0.9}
services:
  - {name: www, vip: 192.0.2.10, port: 80, pool: web}
";

    fn decision_for(
        file: &str,
        min_healthy: MinHealthy,
        on_down: OnDown,
        down: &[(u8, Cause)],
    ) -> (Vec<Condition>, HealthDecision) {
        let services = config::parse(file, "dsr.yaml".as_ref()).unwrap().desired.services;
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
        let services_checks = BTreeMap::from([(services[0].id, Arc::new(check))]);
        let checks = Checks { services: services_checks, ..Checks::default() };
        let is = |n: u8, address: IpAddr| IpAddr::from([10, 0, 0, n]) == address;
        let decision = decide(&services, &checks, |_, PooledBackend { backend, .. }| {
            down.iter().find(|(n, _)| is(*n, backend.address)).map_or(State::Up, |(_, cause)| State::Down(*cause))
        });
        let of = |b: &Backend| decision.health.of(services[0].id, b.address);
        (services[0].backends.iter().map(of).collect(), decision)
    }

    fn conditions(min_healthy: MinHealthy, on_down: OnDown, down: &[(u8, Cause)]) -> (Vec<Condition>, usize) {
        let (conditions, decision) = decision_for(FILE, min_healthy, on_down, down);
        (conditions, decision.overridden.len())
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

    fn with_fallback(min_healthy: MinHealthy, down: &[(u8, Cause)]) -> (Vec<Condition>, (usize, usize)) {
        let (conditions, decision) = decision_for(WITH_FALLBACK, min_healthy, OnDown::Auto, down);
        (conditions, (decision.on_fallback.len(), decision.overridden.len()))
    }

    #[test]
    fn the_fallback_waits_until_none_is_up() {
        use Condition::{Down, Draining, Standby, Up};
        let any = MinHealthy::default();
        assert_eq!(with_fallback(any, &[]), (vec![Up, Up, Standby], (0, 0)));
        assert_eq!(with_fallback(any, &[(1, Cause::VipMissing)]), (vec![Draining, Up, Standby], (0, 0)));
        let both = [(1, Cause::VipMissing), (2, Cause::HostDown)];
        assert_eq!(with_fallback(any, &both), (vec![Draining, Down, Up], (1, 0)));
    }

    #[test]
    fn the_fallback_serves_with_fewer_than_asked_for() {
        use Condition::{Draining, Up};
        // The one that is up keeps the flows that it has.
        let two = MinHealthy::Count(2);
        assert_eq!(with_fallback(two, &[(1, Cause::VipMissing)]), (vec![Draining, Draining, Up], (1, 0)));
    }

    #[test]
    fn a_fallback_that_is_down_serves_nobody() {
        use Condition::{Down, Draining, Standby, Up};
        let all = [(1, Cause::VipMissing), (2, Cause::VipMissing), (9, Cause::VipMissing)];
        assert_eq!(with_fallback(MinHealthy::default(), &all), (vec![Draining, Draining, Standby], (0, 0)));
        assert_eq!(with_fallback(MinHealthy::Count(1), &all), (vec![Up, Up, Standby], (0, 1)));
        let gone = [(1, Cause::VipMissing), (2, Cause::VipMissing), (9, Cause::HostDown)];
        assert_eq!(with_fallback(MinHealthy::default(), &gone), (vec![Draining, Draining, Down], (0, 0)));
    }
}
