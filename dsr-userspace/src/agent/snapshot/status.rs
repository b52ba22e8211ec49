//! What `dsr status` shows.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::Arc,
    time::Duration,
};

use super::{
    Snapshot,
    live::{Live, traffic_of},
    surroundings,
};
use crate::{
    agent::program::{NEXT_HOP_REMEDY, ungrouped},
    api::view::{InterfaceStatus, MemberState, MemberStatus, ReloadCounts, ServiceStatus, Status, StatusFinding},
    datapath::{self, Mode},
    health::Unchecked,
    model::{Backend, Condition, PooledBackend, Service},
    reconcile::{GROUPS_MAX, PlacedMember, PlacedService, tracked_slots},
};

impl<T: Live> Snapshot<T> {
    /// All that an operator is shown, after so long a time, where this pin is missing.
    pub(in crate::agent) fn status(&self, uptime: Duration, missing: Option<&Path>) -> Result<Status, datapath::Error> {
        // Both have the same services in the same order.
        let placed = self.config.desired.services.iter().zip(&self.layout.services);
        let tracked: HashMap<_, _> = tracked_slots(&self.config.desired, &*self.maps).into_iter().collect();
        let tracked = |service: &Service| tracked.get(&service.id).copied().unwrap_or(0);
        let services: Vec<_> = placed
            .map(|(service, placed)| self.service_status(service, placed, tracked(service)))
            .collect::<Result<_, _>>()?;
        let interfaces: Vec<_> = self.config.interfaces().into_iter().map(|name| self.interface_status(name)).collect();
        Ok(Status {
            version: env!("DSR_VERSION").to_owned(),
            uptime_seconds: uptime.as_secs(),
            config: self.config.file.display().to_string(),
            config_hash: self.config.hash,
            reloads: ReloadCounts { ok: self.reloads.ok, error: self.reloads.error },
            tracing: self.trace.is_some(),
            findings: self.findings(&interfaces, &services, missing),
            interfaces,
            services,
        })
    }

    /// What is wrong, around the agent first.
    fn findings(
        &self,
        interfaces: &[InterfaceStatus],
        services: &[ServiceStatus],
        missing: Option<&Path>,
    ) -> Vec<StatusFinding> {
        let unpinned = missing.map(surroundings::unpinned);
        let around = surroundings::claimed(&self.claims.all(), services).chain(unpinned).collect::<Vec<_>>();
        let refusal = self.refusal.clone().into_iter();
        let unsteered = surroundings::unsteered(self.checks.steered());
        let ungrouped = services.iter().zip(&self.layout.services).filter_map(about_next_hops);
        let here = refusal.chain(unsteered).chain(around).chain(findings(interfaces, services)).chain(ungrouped);
        here.chain(surroundings::tunnel_errors(&self.tunnel_errors.all())).chain(self.unchecked()).collect()
    }

    fn interface_status(&self, name: String) -> InterfaceStatus {
        let state = self.network.interfaces.get(&name);
        let mode = self.attached.get(&name);
        let mode = mode.map(|mode| if *mode == Mode::Native { "native" } else { "generic" }.to_owned());
        InterfaceStatus {
            mode,
            mac: state.map(|state| state.mac.to_string()),
            mtu: state.map(|state| state.mtu),
            up: state.is_some_and(|state| state.up),
            name,
        }
    }

    fn service_status(
        &self,
        service: &Service,
        placed: &PlacedService,
        tracked_slots: u32,
    ) -> Result<ServiceStatus, datapath::Error> {
        let traffic = traffic_of(&*self.maps, placed)?;
        let weighted = self.intent.weights().backends(service).iter();
        let backends = service.backends_by_pool().zip(weighted);
        let mut members = Vec::with_capacity(placed.members.len());
        for ((in_file, backend), (member, traffic)) in backends.zip(placed.members.iter().zip(traffic)) {
            let of_pool = PooledBackend { pool: in_file.pool, backend };
            let state = self.member_state(service, of_pool, member);
            let (cause, detail) = self.cause(service, of_pool, state);
            members.push(MemberStatus {
                backend: backend.name.clone(),
                address: backend.address,
                pool: in_file.pool.to_owned(),
                state,
                cause,
                detail,
                weight: backend.weight.get(),
                weight_in_file: self.weight_in_file(of_pool, in_file.backend),
                says: self.intent.report(of_pool).map(|report| report.to_string()),
                slots: member.slots,
                share: f64::from(member.slots) / f64::from(placed.slots.max(1)),
                packets: traffic.packets,
                bytes: traffic.bytes,
                new_flows: traffic.new_flows,
                loops: traffic.loops,
                tunnel_icmp_errors: self.tunnel_errors.of(in_file.pool, &in_file.backend.name),
            });
        }
        Ok(ServiceStatus {
            name: service.name.clone(),
            address: service.id.to_string(),
            vip: service.id.vip,
            protocol: service.id.protocol.to_string(),
            port: service.id.port.to_string(),
            pool: service.pool.clone(),
            forward: service.forward.mode().name().to_owned(),
            fallback: service.fallback.as_ref().map(|fallback| fallback.pool.clone()),
            on_fallback: self.decision.on_fallback.contains(&service.id),
            all_used: self.decision.overridden.contains(&service.id),
            slots: placed.slots,
            tracked_slots,
            members,
        })
    }

    /// Why a member is not as it should be, and what an operator should read of it.
    fn cause(
        &self,
        service: &Service,
        of_pool: PooledBackend<'_>,
        state: MemberState,
    ) -> (Option<String>, Option<String>) {
        if state == MemberState::Unreachable
            && let Some(why) = self.network.no_hop(of_pool.backend.address, service.forward)
        {
            return (Some(why.to_string()), None);
        }
        let found = self.finding(service, of_pool);
        found.map(|found| (found.cause.to_string(), found.detail)).unzip()
    }

    fn member_state(&self, service: &Service, of_pool: PooledBackend<'_>, member: &PlacedMember) -> MemberState {
        let backend = of_pool.backend;
        let is_drained = self.drained.get(&(service.id, backend.address)).copied().unwrap_or(false);
        let is_reached = self.network.no_hop(backend.address, service.forward).is_none();
        match self.decision.health.of(service.id, backend.address) {
            _ if !is_reached => MemberState::Unreachable,
            _ if self.is_down(service, of_pool) => MemberState::Down,
            Condition::Standby => MemberState::Standby,
            _ if member.slots > 0 => MemberState::Up,
            _ if is_drained => MemberState::Drained,
            _ => MemberState::Draining,
        }
    }

    /// The weight that the file has for a backend where another one counts.
    fn weight_in_file(&self, of_pool: PooledBackend<'_>, in_file: &Backend) -> Option<u16> {
        let is_said = self.intent.is_overridden(of_pool);
        (is_said || in_file.weight != of_pool.backend.weight).then(|| in_file.weight.get())
    }

    /// Backends whose last probe could not be made on this host, told together by the reason.
    fn unchecked(&self) -> Vec<StatusFinding> {
        let mut by_reason: BTreeMap<String, (usize, String)> = BTreeMap::new();
        for Unchecked { target, why } in self.checks.unchecked() {
            let first = || format!("{} of {}", target.backend, target.service);
            by_reason.entry(why).or_insert_with(|| (0, first())).0 += 1;
        }
        let told = |(why, (count, first)): (String, (usize, String))| {
            let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
            let finding = format!("not checked, its last state is kept: the probe could not run: {why}");
            StatusFinding::new(format_args!("backend {first}{more}"), finding, "fix the cause on this host")
        };
        by_reason.into_iter().map(told).collect()
    }
}

/// What is wrong, as an operator reads it first.
fn findings(interfaces: &[InterfaceStatus], services: &[ServiceStatus]) -> Vec<StatusFinding> {
    let mut findings: Vec<_> = interfaces.iter().filter_map(about_interface).collect();
    for service in services {
        findings.extend(service.members.iter().filter_map(|member| about_member(service, member)));
        findings.extend(about_service(service));
    }
    findings
}

fn about_interface(InterfaceStatus { name, mode, mac, up, .. }: &InterfaceStatus) -> Option<StatusFinding> {
    let (finding, remedy) = match (mac, up, mode) {
        (None, ..) => ("the interface is gone", "create it; the program is attached again when it returns".to_owned()),
        (_, false, _) => {
            ("the interface is down or has no carrier", format!("`ip link set dev {name} up`, or check the cable"))
        }
        (_, _, None) => ("the program is not attached to the interface", "see the agent's log".to_owned()),
        _ => return None,
    };
    Some(StatusFinding::new(name, finding, remedy))
}

fn about_member(service: &ServiceStatus, member: &MemberStatus) -> Option<StatusFinding> {
    let backend = &member.backend;
    let cause = member.cause.as_deref();
    let detail = member.detail.as_deref().unwrap_or_default();
    let finding = match (member.state, cause) {
        (MemberState::Unreachable, cause) => {
            format!("backend {backend} unreachable: {}", cause.unwrap_or("no route to it is known"))
        }
        (MemberState::Down, cause) => {
            format!("backend {backend} is down: {}: {detail}", cause.unwrap_or("not known why"))
        }
        (_, Some(cause)) => format!("backend {backend}: {cause}: {detail}"),
        (_, None) => return None,
    };
    Some(StatusFinding::new(&service.name, finding, DOCTOR))
}

fn about_service(service: &ServiceStatus) -> Option<StatusFinding> {
    let ServiceStatus { name, address, pool, fallback, .. } = service;
    let finding = if service.members.iter().all(|member| member.slots == 0) {
        format!("no backend gets flows: packets to {address} are dropped")
    } else if service.on_fallback {
        let fallback = fallback.as_deref().filter(|fallback| fallback != pool);
        let fallback =
            fallback.map_or_else(|| "the fallback".to_owned(), |fallback| format!("the fallback {fallback}"));
        format!("too few backends of {pool} are up: {fallback} gets new connections")
    } else if service.all_used {
        "fewer backends are up than min_healthy: all are used, including those that are down".to_owned()
    } else {
        return None;
    };
    Some(StatusFinding::new(name, finding, DOCTOR))
}

fn about_next_hops((service, placed): (&ServiceStatus, &Arc<PlacedService>)) -> Option<StatusFinding> {
    let count = ungrouped(placed);
    let finding = || {
        format!(
            "packets to {count} of {} backends use only the first next hop of their route: all {GROUPS_MAX} groups of next \
             hops are in use",
            placed.members.len()
        )
    };
    (count > 0).then(|| StatusFinding::new(&service.name, finding(), NEXT_HOP_REMEDY))
}

const DOCTOR: &str = "run `dsr doctor`, which names the cause and the remedy";
