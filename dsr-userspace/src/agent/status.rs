//! What `dsr status` shows.

use std::time::Duration;

use dsr_common::limits::SLOTS_PER_BLOCK;

use super::{balancer::Balancer, reach};
use crate::{
    api::view::{InterfaceStatus, MemberState, MemberStatus, ReloadCounts, ServiceStatus, Status},
    datapath::{self, Mode},
    model::{Backend, Service},
    reconcile::{PlacedMember, PlacedService, Tables as _},
};

impl Balancer {
    /// All that an operator is shown, after so long a time.
    pub(super) fn status(&self, uptime: Duration) -> Result<Status, datapath::Error> {
        let services = &self.wish.desired.services;
        let placed = services.iter().zip(&self.layout.services);
        let services: Vec<_> =
            placed.map(|(service, placed)| self.service_status(service, placed)).collect::<Result<_, _>>()?;
        let interfaces: Vec<_> = self.config.interfaces().into_iter().map(|name| self.interface_status(name)).collect();
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_seconds: uptime.as_secs(),
            config: self.config.file.display().to_string(),
            config_hash: self.config.hash,
            reloads: ReloadCounts { ok: self.reloads.ok, error: self.reloads.error },
            tracing: self.is_tracing(),
            findings: findings(&interfaces, &services),
            interfaces,
            services,
        })
    }

    fn interface_status(&self, name: String) -> InterfaceStatus {
        let state = self.network.interfaces.get(&name);
        let mode = state.and_then(|state| {
            let mode = self.datapath.is_attached(&name, state.ifindex).then(|| self.datapath.mode(&name))??;
            Some(if mode == Mode::Native { "native" } else { "generic" }.to_owned())
        });
        InterfaceStatus {
            mode,
            mac: state.map(|state| state.mac.to_string()),
            mtu: state.map(|state| state.mtu),
            up: state.is_some_and(|state| state.up),
            name,
        }
    }

    fn service_status(&self, service: &Service, placed: &PlacedService) -> Result<ServiceStatus, datapath::Error> {
        let members = service.backends.iter().zip(&placed.members);
        let members = members.map(|(backend, member)| self.member_status(service, placed.slots, backend, member));
        Ok(ServiceStatus {
            name: service.name.clone(),
            address: service.id.to_string(),
            vip: service.id.vip,
            protocol: service.id.protocol.to_string(),
            port: service.id.port.to_string(),
            pool: service.pool.clone(),
            slots: placed.slots,
            tracked_slots: self.tracked_slots(placed),
            members: members.collect::<Result<_, _>>()?,
        })
    }

    fn member_status(
        &self,
        service: &Service,
        slots: u32,
        backend: &Backend,
        member: &PlacedMember,
    ) -> Result<MemberStatus, datapath::Error> {
        let traffic = self.datapath.traffic(member.row)?;
        let cause = (!member.reachable).then(|| reach::cause(&self.network, backend.address)).flatten();
        let is_drained = self.settling.drained.get(&(service.id, backend.address)).copied().unwrap_or(false);
        let state = match (member.reachable, backend.weight.get()) {
            (false, _) => MemberState::Unreachable,
            (true, 0) if is_drained => MemberState::Drained,
            (true, 0) => MemberState::Draining,
            (true, _) => MemberState::Up,
        };
        Ok(MemberStatus {
            backend: backend.name.clone(),
            address: backend.address,
            state,
            cause: cause.map(|cause| cause.to_string()),
            weight: backend.weight.get(),
            weight_in_file: self.overridden(service, backend),
            slots: member.slots,
            share: f64::from(member.slots) / f64::from(slots.max(1)),
            packets: traffic.packets,
            bytes: traffic.bytes,
            new_flows: traffic.new_flows,
            loops: traffic.loops,
        })
    }

    /// The weight that the file has for a backend of which an operator has said something else.
    fn overridden(&self, service: &Service, backend: &Backend) -> Option<u16> {
        self.wish.overrides().get(&(service.pool.clone(), backend.name.clone()))?;
        let service = self.config.desired.services.iter().find(|other| other.id == service.id)?;
        let in_file = service.backends.iter().find(|other| other.name == backend.name)?;
        Some(in_file.weight.get())
    }

    /// How many slots of a service the flow table is asked for.
    fn tracked_slots(&self, placed: &PlacedService) -> u32 {
        let Some(table) = self.table_of(placed.id) else { return 0 };
        let first = table.block() * SLOTS_PER_BLOCK;
        (first..first + table.size()).filter(|index| self.datapath.slot(*index).is_tracked()).count() as u32
    }
}

/// What is wrong, as an operator reads it first.
fn findings(interfaces: &[InterfaceStatus], services: &[ServiceStatus]) -> Vec<String> {
    let mut findings = Vec::new();
    for InterfaceStatus { name, mode, mac, up, .. } in interfaces {
        match (mac, up, mode) {
            (None, ..) => findings.push(format!("interface {name} is gone; it is used again when it is back")),
            (_, false, _) => findings.push(format!("interface {name} is down or has no carrier")),
            (_, _, None) => findings.push(format!("the program is not attached to interface {name}")),
            _ => {}
        }
    }
    for service in services {
        for member in service.members.iter().filter(|member| member.state == MemberState::Unreachable) {
            let cause = member.cause.as_deref().unwrap_or("no way to it is known");
            findings.push(format!("{}: backend {} cannot be reached: {cause}", service.name, member.backend));
        }
        if service.members.iter().all(|member| member.slots == 0) {
            findings
                .push(format!("{}: no backend gets flows: packets to {} are dropped", service.name, service.address));
        }
    }
    findings
}
