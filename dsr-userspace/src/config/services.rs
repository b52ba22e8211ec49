//! Services: from rows to the model, with the pools that they name.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
};

use dsr_common::vlan::Vlan;

use super::{
    error::Located,
    fallback::Standby,
    field::{Field, Read},
    file::ServiceRow,
    health::{self, Written},
    path::{FieldPath, shown},
    pools::{Pool, Pools},
    report::Report,
    scalar::{Name, PoolName, ReturnTimeout},
    suggest, vlans,
};
use crate::model::{
    Affinity, Announce, Backend, Checks, Fallback, FlowTimeout, OnAgentDeath, OnEmpty, Port, Protocol, Service,
    ServiceId,
};

/// What is known of the services so far.
#[derive(Default)]
pub(super) struct Services {
    /// The good ones, in the order of the file.
    pub(super) good: Vec<Service>,
    /// How their backends are checked.
    pub(super) checks: Checks,
    /// Each VIP where it is first written, also those of services that are otherwise bad.
    pub(super) vips: Vec<Located<IpAddr>>,
    by_vip: HashMap<IpAddr, FieldPath>,
    announce: HashMap<IpAddr, (Announce, FieldPath)>,
    vlan_lists: HashMap<IpAddr, (Option<BTreeSet<Vlan>>, FieldPath)>,
    names: HashMap<String, FieldPath>,
    ids: HashMap<ServiceId, FieldPath>,
    pools: BTreeSet<String>,
}

/// Reads all services.
pub(super) fn read(report: &mut Report<'_>, rows: Vec<Field<ServiceRow>>, pools: &Pools) -> Services {
    let mut services = Services::default();
    let top = FieldPath::root().key("services");
    if rows.is_empty() {
        report.error(&top, format!("has no service: write {}", ServiceRow::WRITE_MANY));
    }
    for (index, field) in rows.into_iter().enumerate() {
        let path = top.index(index);
        let service = report.required(&path, field).and_then(|row| services.service(report, &path, row, pools));
        services.good.extend(service);
    }
    services.check_pools(report, pools);
    services
}

impl Services {
    fn service(
        &mut self,
        report: &mut Report<'_>,
        path: &FieldPath,
        mut row: ServiceRow,
        pools: &Pools,
    ) -> Option<Service> {
        report.unknown(path, &mut row);
        let name = report.required(&path.key("name"), row.name).map(|Name(name)| name);
        let vip = report.required(&path.key("vip"), row.vip).map(|vip| vip.0);
        let protocol = report.optional(&path.key("protocol"), row.protocol).or(Protocol::Tcp);
        let port = port(report, &path.key("port"), row.port, protocol);
        let (on_empty, on_agent_death) = outcomes(report, path, row.on_empty, row.on_agent_death);
        let announce = report.optional(&path.key("announce"), row.announce).or(Announce::Arp);
        let vlans = vlans::read(report, &path.key("vlans"), row.vlans);
        if let (Some(vip), Ok(vlans)) = (vip, &vlans) {
            self.vlans(report, path, vip, vlans.as_ref());
        }
        let affinity = report.optional(&path.key("affinity"), row.affinity).or(Affinity::default());
        let (flow_timeout, return_timeout) = timeouts(report, path, row.flow_timeout, row.return_timeout);
        let named = report.required(&path.key("pool"), row.pool).map(|PoolName(pool)| pool);
        let pool = named.as_ref().and_then(|pool| self.pool(report, &path.key("pool"), pool, pools));
        let own = health::read(report, &path.key("health"), row.health);

        let id = self.identify(report, path, (name.as_deref(), vip, announce), (protocol, port))?;
        self.check(report, path, id, (own, pool));
        let pool = pool?;
        let (forward, backends) = pool.good.clone()?;
        let (backends, fallback) = with_standby(backends, pool.standby.as_ref());
        Some(Service {
            name: name?,
            id,
            announce: announce?,
            vlans: vlans.ok()?.map(Arc::new),
            on_empty: on_empty?,
            on_agent_death: on_agent_death?,
            affinity: affinity?,
            flow_timeout: flow_timeout?,
            return_timeout: return_timeout?.0,
            pool: named?,
            forward,
            backends,
            fallback,
        })
    }

    /// What a service is known by, which no other may be.
    fn identify(
        &mut self,
        report: &mut Report<'_>,
        path: &FieldPath,
        (name, vip, announce): (Option<&str>, Option<IpAddr>, Option<Announce>),
        (protocol, port): (Option<Protocol>, Option<Port>),
    ) -> Option<ServiceId> {
        self.name(report, path.key("name"), name);
        self.vip(report, path, vip?, announce);
        let id = ServiceId { vip: vip?, protocol: protocol?, port: port? };
        self.id(report, path, id);
        Some(id)
    }

    fn pool<'a>(&mut self, report: &mut Report<'_>, at: &FieldPath, name: &str, pools: &'a Pools) -> Option<&'a Pool> {
        self.pools.insert(name.to_owned());
        let found = pools.by_name.get(name);
        // Where there is no pool at all, that was said.
        if found.is_none() && !pools.by_name.is_empty() {
            let names = || pools.by_name.keys().map(String::as_str);
            let remedy = match suggest::closest(name, names()) {
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
        path: &FieldPath,
        id: ServiceId,
        (own, pool): (Written, Option<&Pool>),
    ) {
        let from_pool = |health| matches!(health, &Written::Check(_)).then_some((health, "pool", POOLS));
        let check = match &own {
            Written::Check(_) => Some((&own, "health", OWN)),
            Written::Absent => pool.and_then(|pool| from_pool(&pool.health)),
            Written::Bad | Written::None => None,
        };
        let standby = pool.and_then(|pool| pool.standby.as_ref());
        let of_standby = standby.and_then(|standby| match &standby.health {
            Some(health) => from_pool(health).map(|(health, at, _)| (health, at, STANDBYS)),
            None => check,
        });
        let mut check_of = |(written, at, remedy): (&Written, &str, &str)| {
            let Written::Check(draft) = written else { return None };
            let made = draft.of(id.protocol, id.port).map(Arc::new);
            made.map_err(|why| report.error(&path.key(at), format!("{why}: {remedy}"))).ok()
        };
        let made = check.and_then(&mut check_of);
        let is_same = standby.is_some_and(|standby| standby.health.is_none());
        let fallback = if is_same { made.clone() } else { of_standby.and_then(check_of) };
        self.checks.services.extend(made.map(|check| (id, check)));
        self.checks.fallbacks.extend(fallback.map(|check| (id, check)));
    }

    fn name(&mut self, report: &mut Report<'_>, at: FieldPath, name: Option<&str>) {
        let Some(name) = name else { return };
        if let Some(first) = self.names.get(name) {
            let line = report.line(first);
            report.error(&at, format!("{name} is the name of another service, at line {line}: change one"));
        }
        self.names.entry(name.to_owned()).or_insert(at);
    }

    fn vip(&mut self, report: &mut Report<'_>, path: &FieldPath, vip: IpAddr, announce: Option<Announce>) {
        let at = path.key("vip");
        if !self.by_vip.contains_key(&vip) {
            self.vips.push(report.located(&at, vip));
            self.by_vip.insert(vip, at);
        }
        let Some(announce) = announce else { return };
        let (first, at) = self.announce.entry(vip).or_insert_with(|| (announce, path.clone()));
        if *first != announce {
            let (line, at) = (report.line(at), path.key("announce"));
            let message = format!("differs from the service of {vip} at line {line}: write the same for all of a VIP");
            report.error(&at, message);
        }
    }

    fn vlans(&mut self, report: &mut Report<'_>, path: &FieldPath, vip: IpAddr, vlans: Option<&BTreeSet<Vlan>>) {
        let (first, at) = self.vlan_lists.entry(vip).or_insert_with(|| (vlans.cloned(), path.clone()));
        if first.as_ref() != vlans {
            let line = report.line(at);
            let at = if vlans.is_some() { path.key("vlans") } else { path.clone() };
            let message = format!(
                "its `vlans` differ from those of the service of {vip} at line {line}: write the same for all of a VIP"
            );
            report.error(&at, message);
        }
    }

    fn id(&mut self, report: &mut Report<'_>, path: &FieldPath, id: ServiceId) {
        if let Some(first) = self.ids.get(&id) {
            let line = report.line(first);
            let message =
                format!("{id} is also the service at line {line}: remove one, or change its VIP, port or protocol");
            report.error(path, message);
        }
        self.ids.entry(id).or_insert_with(|| path.clone());
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
                report.warn(&pool.path, "no service uses this pool");
            }
        }
        for (at, address) in &pools.addresses {
            if let Some(vip) = self.by_vip.get(&address.value) {
                let (line, address) = (report.line(vip), address.value);
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

/// What becomes of packets that no backend can take, or that no agent looks after.
fn outcomes(
    report: &mut Report<'_>,
    path: &FieldPath,
    on_empty: Field<OnEmpty>,
    on_agent_death: Field<OnAgentDeath>,
) -> (Option<OnEmpty>, Option<OnAgentDeath>) {
    let on_empty = report.optional(&path.key("on_empty"), on_empty).or(OnEmpty::default());
    let on_agent_death = report.optional(&path.key("on_agent_death"), on_agent_death).or(OnAgentDeath::default());
    (on_empty, on_agent_death)
}

/// How long flows are remembered, and how long after their backend went away: the same by default, and at most as long.
fn timeouts(
    report: &mut Report<'_>,
    path: &FieldPath,
    flow_timeout: Field<FlowTimeout>,
    return_timeout: Field<ReturnTimeout>,
) -> (Option<FlowTimeout>, Option<ReturnTimeout>) {
    let flow_timeout = report.optional(&path.key("flow_timeout"), flow_timeout).or(FlowTimeout::default());
    let (at, longest) = (path.key("return_timeout"), flow_timeout.unwrap_or_default());
    let return_timeout = report.optional(&at, return_timeout).or(ReturnTimeout(Some(longest)));
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

/// The port must be written, but where the protocol is any: not every protocol has ports.
fn port(report: &mut Report<'_>, at: &FieldPath, field: Field<Port>, protocol: Option<Protocol>) -> Option<Port> {
    if protocol != Some(Protocol::Any) {
        return report.required(at, field);
    }
    let port = report.optional(at, field).or(Port::Any)?;
    if let Port::One(port) = port {
        report.error(at, format!("`protocol: any` has no port {port}: remove it, or write the protocol, like tcp"));
        return None;
    }
    Some(port)
}
