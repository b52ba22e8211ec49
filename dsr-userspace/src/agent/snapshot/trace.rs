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
    trace::TraceRecord,
};
use rustix::time::{ClockId, clock_gettime};

use super::{Snapshot, live::Live};
use crate::{
    api::{
        Failure, Kind,
        view::{Decision, MemberName},
    },
    config::Config,
    model::{Backend, Mac, Protocol},
    reconcile::{MemberRowId, service_of, slot_of},
};

impl<T: Live> Snapshot<T> {
    /// What the program told, in the operator's words.
    pub(in crate::agent) fn decisions(&self, records: &[TraceRecord]) -> Vec<Decision> {
        if records.is_empty() {
            return Vec::new();
        }
        let members = self.members_by_row();
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let monotonic = monotonic();
        let time = |record: &TraceRecord| {
            wall.saturating_sub(monotonic.saturating_sub(Duration::from_nanos(record.time))).as_micros() as u64
        };
        records.iter().filter_map(|record| self.decision(time(record), record, &members)).collect()
    }

    fn decision(
        &self,
        time_us: u64,
        record: &TraceRecord,
        members: &HashMap<MemberRowId, &Backend>,
    ) -> Option<Decision> {
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
        let row = MemberRowId(record.row);
        let member = members.get(&row).map(|backend| self.named(row, backend));
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
    pub(in crate::agent) fn member_name(&self, row: MemberRowId) -> Option<MemberName> {
        let mut placed = self.config.desired.services.iter().zip(&self.layout.services);
        placed.find_map(|(service, placed)| {
            let number = placed.members.iter().position(|member| member.row == row)?;
            Some(self.named(row, service.backends.get(number)?))
        })
    }

    /// The backend of each member.
    fn members_by_row(&self) -> HashMap<MemberRowId, &Backend> {
        let placed = self.config.desired.services.iter().zip(&self.layout.services);
        let members = placed.flat_map(|(service, placed)| service.backends.iter().zip(&placed.members));
        members.map(|(backend, member)| (member.row, backend)).collect()
    }

    fn named(&self, row: MemberRowId, backend: &Backend) -> MemberName {
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

    fn interface_name(&self, ifindex: u32) -> String {
        let name = self.network.interfaces.iter().find(|(_, state)| state.ifindex == ifindex);
        name.map_or_else(|| format!("interface {ifindex}"), |(name, _)| name.clone())
    }
}

/// Says no to an address that is no VIP.
pub(in crate::agent) fn check_vip(config: &Config, address: IpAddr) -> Result<(), Failure> {
    if config.vips().any(|vip| vip == address) {
        return Ok(());
    }
    let vips: Vec<String> = config.vips().map(|vip| vip.to_string()).collect();
    let error = format!("{address} is not a VIP of this agent");
    Err(Failure::new(Kind::Unknown, error, format!("name one of {}", vips.join(", "))))
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
