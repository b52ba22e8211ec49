//! What `dsr trace` shows: the program's records with the names that the operator knows.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use dsr_common::{
    address::{Address, Family},
    flow::Flow,
    hash::HashKeys,
    trace::{TraceFilter, TraceRecord},
};
use rustix::time::{ClockId, clock_gettime};

use super::{Snapshot, live::Live};
use crate::{
    agent::{Error, balancer::Balancer},
    api::{
        Failure, Kind,
        view::{Decision, MemberName, TraceRequest},
    },
    model::{Backend, Mac, Protocol},
    reconcile::{self, service_of, slot_of},
};

impl Balancer {
    /// Starts a trace, if none runs.
    pub(in crate::agent) fn start_trace(&mut self, request: &TraceRequest) -> Result<(), Failure> {
        if self.is_tracing() {
            return Err(Failure::new(Kind::Busy, "another trace runs", "wait until it ends, or stop it"));
        }
        self.snapshot().check_vip(request.vip)?;
        let filter = filter(request);
        self.trace = Some(filter);
        let started = self.datapath.start_trace(&filter).map_err(|error| Failure::failed(&error));
        match started {
            Ok(()) => tracing::info!(vip = %request.vip, seconds = request.seconds, "a trace runs"),
            Err(_) => self.stop_trace(),
        }
        started
    }

    /// Puts the program back that does not tell.
    pub(in crate::agent) fn stop_trace(&mut self) {
        self.trace = None;
        match self.datapath.stop_trace() {
            Ok(()) => tracing::info!("the trace is over"),
            Err(error) => {
                tracing::error!(%error, "the trace could not be stopped: reattaching the program");
                if let Err(error) = self.reattach() {
                    tracing::error!(%error, "the program could not be reattached; retrying with the next change");
                }
            }
        }
    }

    pub(in crate::agent) const fn is_tracing(&self) -> bool {
        self.trace.is_some()
    }

    /// What the program told since the last call.
    pub(in crate::agent) fn traced(&mut self) -> Vec<TraceRecord> {
        self.datapath.traced()
    }

    /// Attaches the program to interfaces that lost it.
    fn reattach(&mut self) -> Result<(), Error> {
        self.reconcile()
    }
}

impl<T: Live> Snapshot<T> {
    /// What the program told, in the operator's words.
    pub(in crate::agent) fn decisions(&self, records: &[TraceRecord]) -> Vec<Decision> {
        if records.is_empty() {
            return Vec::new();
        }
        let members = self.members_by_row();
        let (wall, monotonic) = (SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(), monotonic());
        let time = |record: &TraceRecord| {
            wall.saturating_sub(monotonic.saturating_sub(Duration::from_nanos(record.time))).as_micros() as u64
        };
        records.iter().filter_map(|record| self.decision(time(record), record, &members)).collect()
    }

    fn decision(&self, time_us: u64, record: &TraceRecord, members: &HashMap<u32, &Backend>) -> Option<Decision> {
        let family = record.family()?;
        let flow = Flow {
            family,
            protocol: record.protocol,
            client_port: record.client_port,
            service_port: record.service_port,
            client: record.client,
            vip: record.vip,
        };
        let keys = HashKeys::from_seed(self.config.desired.hash_seed);
        let found = service_of(&flow, &keys, &*self.maps);
        let slot = found.as_ref().map(|found| slot_of(&flow, found, &keys, &*self.maps).number);
        let port = |port: u16| (port != 0).then(|| u16::from_be(port));
        let member = members.get(&record.row).map(|backend| self.named(record.row, backend));
        let (outcome, meaning) = match record.reason() {
            None => ("sent".to_owned(), "Sent to the backend.".to_owned()),
            Some(reason) => (reason.label().to_owned(), reason.help().trim().to_owned()),
        };
        Some(Decision {
            time_us,
            interface: self.interface_name(record.ifindex),
            client: ip(family, record.client),
            client_port: port(record.client_port),
            vip: ip(family, record.vip),
            port: port(record.service_port),
            protocol: protocol_name(record.protocol),
            opens: record.opens != 0,
            service: found.and_then(|found| self.service_name(found.row)).map(|(name, _)| name),
            slot,
            member,
            outcome,
            meaning,
        })
    }

    /// The member in a row of the member map, with the way that its frames go now.
    pub(in crate::agent) fn member_name(&self, row: u32) -> Option<MemberName> {
        let mut placed = self.config.desired.services.iter().zip(&self.layout.services);
        placed.find_map(|(service, placed)| {
            let number = placed.members.iter().position(|member| member.row == row)?;
            Some(self.named(row, service.backends.get(number)?))
        })
    }

    /// The backend of each member.
    fn members_by_row(&self) -> HashMap<u32, &Backend> {
        let placed = self.config.desired.services.iter().zip(&self.layout.services);
        let members = placed.flat_map(|(service, placed)| service.backends.iter().zip(&placed.members));
        members.map(|(backend, member)| (member.row, backend)).collect()
    }

    fn named(&self, row: u32, backend: &Backend) -> MemberName {
        let live = self.maps.member(row);
        let sent = live.mode != 0;
        let mac = live.link.first_chunk().map(|mac| Mac(*mac).to_string());
        MemberName {
            backend: backend.name.clone(),
            address: backend.address,
            mac: mac.filter(|_| sent),
            interface: sent.then(|| self.interface_name(live.ifindex)),
        }
    }

    /// Says no to an address that is no VIP.
    pub(in crate::agent) fn check_vip(&self, address: IpAddr) -> Result<(), Failure> {
        if self.config.vips().any(|vip| vip == address) {
            return Ok(());
        }
        let vips: Vec<String> = self.config.vips().map(|vip| vip.to_string()).collect();
        let error = format!("{address} is not a VIP of this agent");
        Err(Failure::new(Kind::Unknown, error, format!("name one of {}", vips.join(", "))))
    }

    fn interface_name(&self, ifindex: u32) -> String {
        let name = self.network.interfaces.iter().find(|(_, state)| state.ifindex == ifindex);
        name.map_or_else(|| format!("interface {ifindex}"), |(name, _)| name.clone())
    }
}

/// The request in the words of the program.
fn filter(request: &TraceRequest) -> TraceFilter {
    let reports = reconcile::address;
    TraceFilter {
        client: request.client.map_or_else(Address::default, reports),
        vip: reports(request.vip),
        client_port: request.client_port.unwrap_or(0).to_be(),
        service_port: request.port.unwrap_or(0).to_be(),
        family: if request.vip.is_ipv4() { Family::V4 } else { Family::V6 } as u8,
        any_client: u8::from(request.client.is_none()),
        pad: 0,
    }
}

fn ip(family: Family, address: Address) -> IpAddr {
    match family {
        Family::V4 => address.v4_octets().into(),
        Family::V6 => address.v6_octets().into(),
    }
}

fn protocol_name(number: u8) -> String {
    match [Protocol::Tcp, Protocol::Udp, Protocol::Sctp].into_iter().find(|p| p.number() == Some(number)) {
        Some(protocol) => protocol.to_string(),
        None if number == 1 => "icmp".to_owned(),
        None if number == 58 => "icmpv6".to_owned(),
        None => number.to_string(),
    }
}

/// The clock of the program's records.
fn monotonic() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec as u32)
}
