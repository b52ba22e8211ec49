//! Services: from rows to the model, with the pools that they name.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
};

use dsr_common::{forward::DSCP_MAX, vlan::Vlan};

use super::{
    address::HostAddress,
    at::{At, shown},
    dscp::{Codes, CodesField},
    duration::ReturnTimeout,
    error::{Located, Place},
    fallback::Standby,
    forward::PoolForward,
    health::{self, Written},
    pools::{Pool, Pools},
    report::Report,
    scalar::{Name, PoolName},
    schema::{Field, List, Scalar},
    sections::ServiceRow,
    suggest,
};
use crate::model::{Announce, Backend, Checks, Fallback, FlowTimeout, Port, Protocol, Service, ServiceId};

/// What is known of the services so far.
#[derive(Default)]
pub(super) struct Services {
    /// The good ones, in the order of the file.
    pub(super) good: Vec<Service>,
    /// How their backends are checked.
    pub(super) checks: Checks,
    /// Each VIP where it is first written, also those of services that are otherwise bad.
    pub(super) vips: Vec<Located<IpAddr>>,
    by_vip: HashMap<IpAddr, Place>,
    announce: HashMap<IpAddr, (Announce, Place)>,
    vlan_lists: HashMap<IpAddr, (Option<BTreeSet<Vlan>>, Place)>,
    names: HashMap<String, Place>,
    ids: HashMap<ServiceId, Place>,
    pools: BTreeSet<String>,
    /// The DSCP codes of VIPs.
    codes: Codes,
}

/// Reads all services.
pub(super) fn read(
    report: &mut Report<'_>,
    rows: Option<List<ServiceRow, 1>>,
    pools: &Pools,
    codes: Field<CodesField>,
) -> Services {
    let rows = rows.map_or_else(Vec::new, |rows| rows.values);
    let codes = assigned(report, &rows, pools, codes);
    let mut services = Services { codes, ..Services::default() };
    for (_, row) in rows {
        let service = row.and_then(|row| services.service(report, row, pools));
        services.good.extend(service);
    }
    services.check_pools(report, pools);
    services
}

impl Services {
    fn service(&mut self, report: &mut Report<'_>, row: ServiceRow, pools: &Pools) -> Option<Service> {
        let vip = row.vip.value.map(|HostAddress(vip)| vip);
        let id = self.identify(report, &row, vip);
        if let Some(vip) = vip {
            self.announced(report, &row, vip);
        }
        let vlans = vlans(report, row.vlans);
        if let (Some(vip), Some((at, vlans))) = (vip, &vlans) {
            self.vlans(report, (&row.at, at), vip, vlans.as_ref());
        }
        let (flow_timeout, return_timeout) = timeouts(report, row.flow_timeout.value, row.return_timeout);
        let named = row.pool.value.map(|PoolName(pool)| pool);
        let pool = named.as_ref().and_then(|pool| self.pool(report, &row.pool.at, pool, pools));
        let health_at = row.health.at.clone();
        let own = health::read(report, row.health);

        let id = id?;
        self.check(report, (&health_at, &row.pool.at), id, (own, pool));
        let pool = pool?;
        let (forward, backends) = pool.good.clone()?;
        let (backends, fallback) = with_standby(backends, pool.standby.as_ref());
        let forward = forward.for_service(report, &row.pool.at, (id, &backends), &self.codes)?;
        Some(Service {
            name: row.name.value?.0,
            id,
            announce: row.announce.value?,
            vlans: vlans?.1.map(Arc::new),
            on_empty: row.on_empty.value?,
            on_agent_death: row.on_agent_death.value?,
            affinity: row.affinity.value?,
            flow_timeout: flow_timeout?,
            return_timeout: return_timeout?.0,
            pool: named?,
            forward,
            backends,
            fallback,
        })
    }

    /// What a service is known by, which no other may be.
    fn identify(&mut self, report: &mut Report<'_>, row: &ServiceRow, vip: Option<IpAddr>) -> Option<ServiceId> {
        let port = port(report, &row.port, row.protocol.value);
        if let Some(Name(name)) = &row.name.value {
            let first = *self.names.entry(name.clone()).or_insert(row.name.at.place);
            if first != row.name.at.place {
                let line = report.line(first);
                report
                    .error(&row.name.at, format!("{name} is the name of another service, at line {line}: change one"));
            }
        }
        if let Some(vip) = vip
            && !self.by_vip.contains_key(&vip)
        {
            self.vips.push(report.located(&row.vip.at, vip));
            self.by_vip.insert(vip, row.vip.at.place);
        }
        let id = ServiceId { vip: vip?, protocol: row.protocol.value?, port: port? };
        let first = *self.ids.entry(id).or_insert(row.at.place);
        if first != row.at.place {
            let line = report.line(first);
            let message =
                format!("{id} is also the service at line {line}: remove one, or change its VIP, port or protocol");
            report.error(&row.at, message);
        }
        Some(id)
    }

    fn pool<'a>(&mut self, report: &mut Report<'_>, at: &At, name: &str, pools: &'a Pools) -> Option<&'a Pool> {
        self.pools.insert(name.to_owned());
        let found = pools.by_name.get(name);
        // Where there is no pool at all, that was said.
        if found.is_none() && !pools.by_name.is_empty() {
            let names = || pools.by_name.keys().map(String::as_str);
            let remedy = match report.closest(name, names()) {
                Some(close) => format!("did you mean {}?", shown(close)),
                None => format!("write {}, or add it below `pools:`", shown(&suggest::listed(names()))),
            };
            report.error(at, format!("there is no pool {}: {remedy}", shown(name)));
        }
        found
    }

    /// A service is checked as it says itself, else as its pool says; the backends of its fallback as their own pool
    /// says.
    fn check(
        &mut self,
        report: &mut Report<'_>,
        (own_at, pool_at): (&At, &At),
        id: ServiceId,
        (own, pool): (Written, Option<&Pool>),
    ) {
        let from_pool = |health| matches!(health, &Written::Check(_)).then_some((health, pool_at, POOLS));
        let check = match &own {
            Written::Check(_) => Some((&own, own_at, OWN)),
            Written::Absent => pool.and_then(|pool| from_pool(&pool.health)),
            Written::Bad | Written::None => None,
        };
        let standby = pool.and_then(|pool| pool.standby.as_ref());
        let of_standby = standby.and_then(|standby| match &standby.health {
            Some(health) => from_pool(health).map(|(health, at, _)| (health, at, STANDBYS)),
            None => check,
        });
        let mut check_of = |(written, at, remedy): (&Written, &At, &str)| {
            let Written::Check(draft) = written else { return None };
            let made = draft.of(id.protocol, id.port).map(Arc::new);
            made.map_err(|why| report.error(at, format!("{why}: {remedy}"))).ok()
        };
        let made = check.and_then(&mut check_of);
        let is_same = standby.is_some_and(|standby| standby.health.is_none());
        let fallback = if is_same { made.clone() } else { of_standby.and_then(check_of) };
        self.checks.services.extend(made.map(|check| (id, check)));
        self.checks.fallbacks.extend(fallback.map(|check| (id, check)));
    }

    fn announced(&mut self, report: &mut Report<'_>, row: &ServiceRow, vip: IpAddr) {
        let Some(announce) = row.announce.value else { return };
        let (first, place) = *self.announce.entry(vip).or_insert((announce, row.at.place));
        if first != announce {
            let line = report.line(place);
            let message = format!("differs from the service of {vip} at line {line}: write the same for all of a VIP");
            report.error(&row.announce.at, message);
        }
    }

    fn vlans(&mut self, report: &mut Report<'_>, (row, at): (&At, &At), vip: IpAddr, vlans: Option<&BTreeSet<Vlan>>) {
        let (first, place) = self.vlan_lists.entry(vip).or_insert_with(|| (vlans.cloned(), row.place));
        if first.as_ref() != vlans {
            let line = report.line(*place);
            let at = if vlans.is_some() { at } else { row };
            let message = format!(
                "its `vlans` differ from those of the service of {vip} at line {line}: write the same for all of a VIP"
            );
            report.error(at, message);
        }
    }

    /// What can be said of pools and services only when both are known.
    fn check_pools(&mut self, report: &mut Report<'_>, pools: &Pools) {
        let standbys = pools.by_name.iter().filter(|(name, _)| self.pools.contains(*name));
        let standbys: Vec<_> = standbys.filter_map(|(_, pool)| Some(pool.standby.as_ref()?.pool.clone())).collect();
        self.pools.extend(standbys);
        for (name, pool) in &pools.by_name {
            if let Some(agent) = pool.agent.as_ref().filter(|_| self.pools.contains(name)) {
                self.checks.agents.insert(name.clone(), Arc::clone(agent));
            }
            if !self.pools.contains(name) {
                report.warn(&pool.at, "no service uses this pool");
            }
        }
        for (at, address) in &pools.addresses {
            if let Some(vip) = self.by_vip.get(address) {
                let line = report.line(*vip);
                let message =
                    format!("{address} is a VIP, at line {line}: write the address that the backend itself has");
                report.error(at, message);
            }
        }
    }
}

const OWN: &str = "write `port` there, a port of the VIP that it can ask";
const POOLS: &str = "write a `health` of its own for this service, with a `port` of the VIP that can be asked, or none";
const STANDBYS: &str = "write, in the `health` of the fallback's pool, a `port` of the VIP that can be asked, or none";

/// The backends of a pool, then those of its fallback.
fn with_standby(backends: Arc<[Backend]>, standby: Option<&Standby>) -> (Arc<[Backend]>, Option<Fallback>) {
    let Some(standby) = standby else { return (backends, None) };
    let fallback = Fallback { pool: standby.pool.clone(), count: standby.backends.len() };
    (backends.iter().chain(standby.backends.iter()).cloned().collect(), Some(fallback))
}

/// The VLANs that a VIP is in, if a list is written, and where; nothing where it is bad.
fn vlans(report: &mut Report<'_>, field: Field<List<Vlan, 1>>) -> Option<(At, Option<BTreeSet<Vlan>>)> {
    let at = field.at.clone();
    let Some(list) = field.optional()? else { return Some((at, None)) };
    let (count, mut vlans) = (list.values.len(), BTreeSet::new());
    for (at, vlan) in list.values {
        let Some(vlan) = vlan else { continue };
        if !vlans.insert(vlan) {
            report.error(&at, format!("{vlan} is written twice: remove one"));
        }
    }
    // That it is empty was reported.
    (count > 0 && vlans.len() == count).then_some((at, Some(vlans)))
}

/// How long flows are remembered, and how long after their backend went away: the same by default, and at most as long.
fn timeouts(
    report: &mut Report<'_>,
    flow_timeout: Option<FlowTimeout>,
    return_timeout: Field<ReturnTimeout>,
) -> (Option<FlowTimeout>, Option<ReturnTimeout>) {
    let (at, longest) = (return_timeout.at.clone(), flow_timeout.unwrap_or_default());
    let return_timeout = return_timeout.or(ReturnTimeout(Some(longest)));
    if let Some(ReturnTimeout(Some(timeout))) = return_timeout
        && flow_timeout.is_some()
        && timeout > longest
    {
        let (timeout, longest) = (timeout.seconds(), longest.seconds());
        let message = format!(
            "{timeout}s is longer than flow_timeout, {longest}s, after which a silent flow is forgotten: write at most \
             {longest}s, or a longer flow_timeout"
        );
        report.error(&at, message);
    }
    (flow_timeout, return_timeout)
}

/// The DSCP codes of the VIPs whose services have a pool with forward mode `dscp`.
fn assigned(
    report: &mut Report<'_>,
    rows: &[(At, Option<ServiceRow>)],
    pools: &Pools,
    codes: Field<CodesField>,
) -> Codes {
    let vip = |row: &ServiceRow| {
        let (pool, _) = pools.by_name.get(&row.pool.value.as_ref()?.0)?.good.as_ref()?;
        let HostAddress(vip) = row.vip.value?;
        (*pool == PoolForward::Dscp).then(|| (vip, row.vip.at.clone()))
    };
    let vips: BTreeMap<IpAddr, At> = rows.iter().rev().filter_map(|(_, row)| vip(row.as_ref()?)).collect();
    let written = codes.value.unwrap_or_default().0;
    for (at, vip, _) in written.iter().filter(|(_, vip, _)| !vips.contains_key(vip)) {
        report.warn(at, format!("no service of {vip} has a pool with `forward: dscp`: the code has no effect"));
    }
    let codes = Codes::assign(&written, &vips.keys().copied().collect());
    for (vip, at) in vips.iter().filter(|(vip, _)| codes.of(**vip).is_none()) {
        let family = if vip.is_ipv4() { "IPv4" } else { "IPv6" };
        let message = format!(
            "all {DSCP_MAX} DSCP codes of {family} are taken by other VIPs: give this one a pool with ipip, gre or gue"
        );
        report.error(at, message);
    }
    codes
}

/// The port must be written, but where the protocol is any: not every protocol has ports.
fn port(report: &mut Report<'_>, field: &Field<Port>, protocol: Option<Protocol>) -> Option<Port> {
    match (protocol, field.value) {
        (Some(Protocol::Any), Some(Port::One(port))) => {
            let message = format!("`protocol: any` has no port {port}: remove it, or write the protocol, like tcp");
            report.error(&field.at, message);
            None
        }
        (Some(Protocol::Any), None) if !field.is_written => Some(Port::Any),
        (_, None) if !field.is_written => {
            report.error(&field.at, format!("is missing: write {}", <Port as Scalar>::write()));
            None
        }
        (_, port) => port,
    }
}
