//! What is wrong with backends by what checks, they themselves and other hosts say.

use std::net::IpAddr;

use super::Snapshot;
use crate::{
    agent::state::standing,
    health::{Finding, HealthDecision, State, decide},
    model::{Cause, Checks, PooledBackend, Service},
};

impl<T> Snapshot<T> {
    /// What these services' backends may get by what is known now.
    pub(in crate::agent) fn decision_for(&self, services: &[Service], checks: &Checks) -> HealthDecision {
        decide(services, checks, |service, backend| self.state(checks, service, backend))
    }

    /// Whether a backend is down by its check, or by its own word.
    pub(in crate::agent) fn is_down(&self, service: &Service, backend: PooledBackend<'_>) -> bool {
        self.state(&self.config.checks, service, backend) != State::Up
    }

    fn state(&self, checks: &Checks, service: &Service, backend: PooledBackend<'_>) -> State {
        standing(&self.intent, checks, service, backend, |id| self.checks.state(id))
    }

    /// What is wrong with a backend, seen from a service; also with one that is up.
    pub(in crate::agent) fn finding(&self, service: &Service, of_pool: PooledBackend<'_>) -> Option<Finding> {
        let PooledBackend { backend, .. } = of_pool;
        let id = (service.id, backend.address);
        if let Some(found) = self.checks.finding(&id) {
            return Some(found);
        }
        if self.intent.reports_down(of_pool) {
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
