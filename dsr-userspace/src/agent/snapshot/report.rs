//! What the metrics say of the balancer at one moment.

use std::{
    collections::{HashMap, HashSet},
    time::UNIX_EPOCH,
};

use dsr_common::stats::{Reason, Tracking};

use super::{
    Snapshot,
    live::{Live, traffic_of},
};
use crate::{
    agent::state::Since,
    datapath,
    health::{Finding, Unchecked},
    log,
    metrics::{
        self, AgentReportSample, BackendSample, CheckSample, ClaimSample, DrainingSample, MemberSample, OverrideSample,
        ReasonSample, StateSample, TrackingSample, TunnelErrorSample, UncheckedSample,
    },
    model::{BackendKey, PooledBackend, Service},
    reconcile::{FlowTable, tracked_slots},
    tunnel_errors::{ErrorCount, ErrorKind, TunnelEnd},
};

impl<T: Live> Snapshot<T> {
    /// Reads the counters of all CPUs.
    pub(in crate::agent) fn report(&self) -> Result<metrics::Snapshot, datapath::Error> {
        Ok(metrics::Snapshot {
            members: self.members()?,
            reasons: self.reasons()?,
            backends: self.backends(),
            claims: self.claimed(),
            claims_lost: self.retired_counters.lost_claims() + self.maps.lost_claims()?,
            checks: self.checks.report().into_iter().map(CheckSample::from).collect(),
            states: self.states(),
            fallbacks: self.fallbacks(),
            reports: self.said(),
            unchecked: self.unchecked_backends(),
            tunnel_errors: self.errors_of_tunnels(),
            local_errors: self.checks.local_errors(),
            tracking: self.tracking()?,
            overrides: self.overrides(),
            log_lines_lost: log::lost_lines(),
            reload: self.reloads,
            config_refused: self.refusal.is_some(),
            config_hash: self.config.hash,
        })
    }

    fn members(&self) -> Result<Vec<MemberSample>, datapath::Error> {
        let mut samples = Vec::new();
        for (service, placed) in self.config.desired.services.iter().zip(&self.layout.services) {
            let traffic = traffic_of(&*self.maps, placed)?;
            for ((backend, member), traffic) in service.backends.iter().zip(placed.members.iter()).zip(traffic) {
                samples.push(MemberSample {
                    service: service.name.clone(),
                    vip: service.id.vip,
                    protocol: service.id.protocol,
                    port: service.id.port,
                    backend: backend.name.clone(),
                    packets: traffic.packets,
                    bytes: traffic.bytes,
                    new_flows: traffic.new_flows,
                    loops: traffic.loops,
                    slots: member.slots,
                });
            }
        }
        Ok(samples)
    }

    fn reasons(&self) -> Result<Vec<ReasonSample>, datapath::Error> {
        let mut samples = Vec::new();
        for name in self.config.interfaces() {
            for reason in Reason::ALL {
                let mut packets = self.retired_counters.reason(&name, *reason);
                for (ifindex, _) in self.entered.iter().filter(|(_, counts_for)| **counts_for == name) {
                    packets += self.maps.reason(*ifindex, *reason)?;
                }
                samples.push(ReasonSample { reason: *reason, interface: name.clone(), packets });
            }
        }
        Ok(samples)
    }

    fn claimed(&self) -> Vec<ClaimSample> {
        let told = self.claims.all().into_iter().map(|claim| ClaimSample {
            vip: claim.vip,
            mac: claim.mac.to_string(),
            backend: claim.owner.to_string(),
            claims: claim.count,
            holds: claim.holds,
        });
        let sample = |(vip, claims)| ClaimSample {
            vip,
            mac: "other".to_owned(),
            backend: "unknown".to_owned(),
            claims,
            holds: false,
        };
        told.chain(self.claims.others().into_iter().map(sample)).collect()
    }

    fn tracking(&self) -> Result<TrackingSample, datapath::Error> {
        let services = &self.config.desired.services;
        let by_id: HashMap<_, _> = services.iter().map(|service| (service.id, service)).collect();
        let named = |id| by_id.get(&id).copied();
        let slots = tracked_slots(&self.config.desired, &*self.maps).into_iter();
        let slots = slots.filter_map(|(id, slots)| Some((named(id)?.name.clone(), slots)));
        let draining = self.drained.iter().filter_map(|((id, address), drained)| {
            let service = named(*id)?;
            let backend = service.backends.iter().find(|backend| backend.address == *address)?;
            let service = service.name.clone();
            let backend = backend.name.clone();
            Some(DrainingSample { service, backend, drained: *drained })
        });
        let packets = Tracking::ALL.iter().map(|event| Ok((*event, self.maps.counted(*event)?)));
        Ok(TrackingSample {
            slots: slots.collect(),
            flows: self.maps.flows(FlowTable::Established),
            embryonic: self.maps.flows(FlowTable::Embryonic),
            packets: packets.collect::<Result<_, datapath::Error>>()?,
            draining: draining.collect(),
        })
    }

    fn backends(&self) -> Vec<BackendSample> {
        let mut samples = Vec::new();
        let mut seen = HashSet::new();
        let backends = |service| Service::backends_by_pool(service).map(move |backend| (service, backend));
        for (service, PooledBackend { pool, backend }) in self.config.desired.of_each_list().flat_map(backends) {
            if !seen.insert((pool, backend.name.as_str())) {
                continue;
            }
            let cause = self.network.no_hop(backend.address, service.forward);
            samples.push(BackendSample {
                pool: pool.to_owned(),
                backend: backend.name.clone(),
                reachable: cause.is_none(),
                cause: cause.map(|cause| cause.to_string()),
            });
        }
        samples
    }

    /// What is wrong with backends.
    fn states(&self) -> Vec<StateSample> {
        let mut samples = Vec::new();
        for service in &self.config.desired.services {
            for of_pool in service.backends_by_pool() {
                if let Some(Finding { cause, .. }) = self.finding(service, of_pool) {
                    let BackendKey { pool, backend } = of_pool.key();
                    samples.push(StateSample { pool, backend, service: service.name.clone(), cause });
                }
            }
        }
        samples
    }

    /// Of each service that has a fallback, whether that serves.
    fn fallbacks(&self) -> Vec<(String, bool)> {
        let services = self.config.desired.services.iter().filter(|service| service.fallback.is_some());
        services.map(|service| (service.name.clone(), self.decision.on_fallback.contains(&service.id))).collect()
    }

    fn overrides(&self) -> Vec<OverrideSample> {
        let sample = |(key, at): (&BackendKey, &Since)| {
            let since = at.since.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
            OverrideSample { pool: key.pool.clone(), backend: key.backend.clone(), since }
        };
        self.intent.overrides().iter().map(sample).collect()
    }

    /// Backends whose last probe could not be made on this host.
    fn unchecked_backends(&self) -> Vec<UncheckedSample> {
        let sample = |Unchecked { target, .. }| UncheckedSample {
            pool: target.pool.clone(),
            backend: target.backend.clone(),
            service: target.service.clone(),
        };
        self.checks.unchecked().into_iter().map(sample).collect()
    }

    fn errors_of_tunnels(&self) -> Vec<TunnelErrorSample> {
        let sample = |((end, kind), count): ((TunnelEnd, ErrorKind), ErrorCount)| TunnelErrorSample {
            pool: end.pool,
            backend: end.backend,
            kind,
            errors: count.errors,
        };
        self.tunnel_errors.all().into_iter().map(sample).collect()
    }

    fn said(&self) -> Vec<AgentReportSample> {
        let said = self.reports.report().into_iter();
        said.map(|(BackendKey { pool, backend }, said)| AgentReportSample { pool, backend, said }).collect()
    }
}
