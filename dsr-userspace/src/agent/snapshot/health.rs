//! What checks, the backends themselves and other hosts say of backends, and what each may get by it.

use std::net::IpAddr;

use super::Snapshot;
use crate::{
    agent::{
        Error,
        balancer::Balancer,
        state::{Turn, standing},
    },
    health::{Finding, HealthDecision, State, decide},
    model::{Backend, Cause, Checks, Service},
};

impl Balancer {
    /// Follows what checks and backends say now.
    pub(in crate::agent) fn apply_health(&mut self) -> Result<(), Error> {
        self.state.hear(self.reports.report());
        self.decide();
        if self.state.dirty.plan.is_empty() { Ok(()) } else { self.reconcile() }
    }

    /// Decides for the services whose checks stand otherwise, or that were touched in another way, and tells which of them
    /// use other backends than usual.
    pub(in crate::agent) fn decide(&mut self) {
        self.state.rechecked(self.checks.take_moved());
        let checks = &self.checks;
        let turns = self.state.decide(|id| checks.state(id));
        self.tell(turns);
    }

    pub(in crate::agent) fn tell(&self, turns: Vec<Turn>) {
        for Turn { place, before, now } in turns {
            let service = &self.state.config.desired.services[place];
            tell_all_used(service, [before[0], now[0]]);
            tell_fallback(service, [before[1], now[1]]);
        }
    }
}

impl<T> Snapshot<T> {
    /// What these services' backends may get by what is known now.
    pub(in crate::agent) fn decision_for(&self, services: &[Service], checks: &Checks) -> HealthDecision {
        decide(services, checks, |service, backend| self.state(checks, service, backend))
    }

    /// Whether a backend is down by its check, or by its own word.
    pub(in crate::agent) fn is_down(&self, service: &Service, backend: (&str, &Backend)) -> bool {
        self.state(&self.config.checks, service, backend) != State::Up
    }

    fn state(&self, checks: &Checks, service: &Service, (pool, backend): (&str, &Backend)) -> State {
        standing(&self.intent, checks, service, (pool, backend), |id| self.checks.state(id))
    }

    /// What is wrong with a backend, seen from a service; also with one that is up.
    pub(in crate::agent) fn finding(&self, service: &Service, (pool, backend): (&str, &Backend)) -> Option<Finding> {
        let id = (service.id, backend.address);
        if let Some(found) = self.checks.finding(&id) {
            return Some(found);
        }
        if self.intent.reports_down(pool, &backend.name) {
            return Some(Finding { cause: Cause::ReportedDown, detail: "its agent check answers `down`".to_owned() });
        }
        self.leaks(service.id.vip, backend.address)
            .then(|| Finding { cause: Cause::ArpLeak, detail: format!("it claims {} on the network", service.id.vip) })
    }

    /// Whether a backend, known by its address, tells the network that it has a VIP.
    fn leaks(&self, vip: IpAddr, backend: IpAddr) -> bool {
        self.network.mac(backend).is_some_and(|mac| self.claims.is_claimed(vip, mac))
    }
}

fn tell_all_used(service: &Service, is: [bool; 2]) {
    let Service { name, pool, .. } = service;
    match is {
        [false, true] => tracing::warn!(
            service = name,
            pool,
            "fewer backends are up than `min_healthy`: all are used, including those that are down"
        ),
        [true, false] => tracing::info!(service = name, pool, "enough backends are up again"),
        _ => {}
    }
}

fn tell_fallback(service: &Service, is: [bool; 2]) {
    let Service { name, pool, fallback, .. } = service;
    let fallback = fallback.as_ref().map_or("", |fallback| fallback.pool.as_str());
    match is {
        [false, true] => tracing::warn!(
            service = name,
            pool,
            fallback,
            "too few backends are up: new connections go to the fallback"
        ),
        [true, false] => {
            tracing::info!(service = name, pool, "enough backends are up again: the fallback gets no new connections");
        }
        _ => {}
    }
}
