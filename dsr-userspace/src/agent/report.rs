//! What the metrics say of the balancer at one moment.

use dsr_common::stats::Reason;

use super::{balancer::Balancer, reach};
use crate::{
    datapath,
    metrics::{BackendSample, MemberSample, ReasonSample, Snapshot},
};

impl Balancer {
    /// Reads the counters of all CPUs.
    pub(super) fn report(&self) -> Result<Snapshot, datapath::Error> {
        Ok(Snapshot {
            members: self.members()?,
            reasons: self.reasons()?,
            backends: self.backends(),
            reload: self.reloads,
            config_hash: self.config.hash,
        })
    }

    fn members(&self) -> Result<Vec<MemberSample>, datapath::Error> {
        let mut samples = Vec::new();
        for (service, placed) in self.config.desired.services.iter().zip(&self.layout.services) {
            for (backend, member) in service.backends.iter().zip(&placed.members) {
                let traffic = self.carried.member(service.id, backend.address) + self.datapath.traffic(member.row)?;
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
                let mut packets = self.carried.reason(&name, *reason);
                for (ifindex, _) in self.entered.iter().filter(|(_, counts_for)| **counts_for == name) {
                    packets += self.datapath.reason(Some(*ifindex), *reason)?;
                }
                samples.push(ReasonSample { reason: *reason, interface: name.clone(), packets });
            }
        }
        Ok(samples)
    }

    fn backends(&self) -> Vec<BackendSample> {
        let mut samples: Vec<BackendSample> = Vec::new();
        for service in &self.config.desired.services {
            for backend in service.backends.iter() {
                if samples.iter().any(|s| s.pool == service.pool && s.backend == backend.name) {
                    continue;
                }
                let cause = reach::cause(&self.network, backend.address);
                samples.push(BackendSample {
                    pool: service.pool.clone(),
                    backend: backend.name.clone(),
                    reachable: cause.is_none(),
                    cause: cause.map(|cause| cause.to_string()),
                });
            }
        }
        samples
    }
}
