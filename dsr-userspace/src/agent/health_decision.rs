//! What checks, the backends themselves and other hosts say of backends, and what each may get by it.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use super::{Error, balancer::Balancer, snapshot::Snapshot};
use crate::{
    health::{Finding, HealthDecision, State, decide},
    model::{Backend, Cause, Checks, Reach, Service, ServiceId},
};

impl Balancer {
    /// Follows what checks and backends say now.
    pub(super) fn apply_health(&mut self) -> Result<(), Error> {
        let heard = self.hear();
        if !heard && self.judged_now() == *self.decision {
            return Ok(());
        }
        self.reconcile()
    }

    /// Judges anew, and tells of which services that is not as it was.
    pub(super) fn decide(&mut self) {
        let decision = self.judged_now();
        for service in &self.intent.desired.services {
            let is_in = |list: fn(&HealthDecision) -> &BTreeSet<ServiceId>| {
                [&*self.decision, &decision].map(|decision| list(decision).contains(&service.id))
            };
            tell_all_used(service, is_in(|decision| &decision.overridden));
            tell_fallback(service, is_in(|decision| &decision.on_fallback));
        }
        self.decision = Arc::new(decision);
    }

    fn judged_now(&self) -> HealthDecision {
        self.snapshot().decision_for(&self.intent.desired.services, &self.config.checks)
    }

    /// Takes in what backends say; whether that is anything new.
    fn hear(&mut self) -> bool {
        let said = self.reports.report();
        self.intent.is_new(&said) && Arc::make_mut(&mut self.intent).hear(said, &self.config)
    }
}

impl Snapshot {
    /// What these services' backends may get by what is known now.
    pub(super) fn decision_for(&self, services: &[Service], checks: &Checks) -> HealthDecision {
        decide(services, checks, |service, backend| self.state(checks, service, backend))
    }

    /// Whether a backend is down by its check, or by its own word.
    pub(super) fn is_down(&self, service: &Service, backend: (&str, &Backend)) -> bool {
        self.state(&self.config.checks, service, backend) != State::Up
    }

    fn state(&self, checks: &Checks, service: &Service, (pool, backend): (&str, &Backend)) -> State {
        let checked = checks.of(service, backend.address);
        match checked.map_or(State::Up, |_| self.checks.state(&(service.id, backend.address))) {
            State::Up if self.intent.reports_down(pool, &backend.name) => State::Down(Cause::ReportedDown),
            state => state,
        }
    }

    /// What is wrong with a backend, seen from a service; also with one that is up.
    pub(super) fn finding(&self, service: &Service, (pool, backend): (&str, &Backend)) -> Option<Finding> {
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
        let Some(Reach::Hop(hop)) = self.network.reach.get(&backend) else { return false };
        self.claims.is_claimed(vip, hop.destination)
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
