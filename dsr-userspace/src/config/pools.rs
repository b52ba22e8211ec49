//! Pools: from rows to the model's backends.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::Arc,
};

use super::{
    address::HostAddress,
    at::At,
    error::{Located, Place},
    fallback::{self, Standby},
    forward::PoolForward,
    health::{self, Written},
    report::Report,
    scalar::Name,
    schema::{Field, List, Named, Scalar},
    sections::{AgentCheckRow, BACKENDS_MOST, BackendRow, PoolRow},
    yaml::Node,
};
use crate::model::{AgentCheck, Backend};

/// A pool as services refer to it.
pub(super) struct Pool {
    /// Where it is written.
    pub(super) at: At,
    /// How packets reach its backends, and these; nothing where that was reported as bad.
    pub(super) good: Option<(PoolForward, Arc<[Backend]>)>,
    /// How its backends are checked.
    pub(super) health: Written,
    /// Where they say themselves what they can take.
    pub(super) agent: Option<Arc<AgentCheck>>,
    /// Who serves where too few of them are up.
    pub(super) standby: Option<Standby>,
}

/// The pools of a file.
#[derive(Default)]
pub(super) struct Pools {
    /// By name.
    pub(super) by_name: BTreeMap<String, Pool>,
    /// The addresses of all backends, also of pools that are otherwise bad, each with its field.
    pub(super) addresses: Vec<(At, IpAddr)>,
}

impl Pools {
    /// The addresses of all backends with their places.
    pub(super) fn located(&self, report: &Report<'_>) -> Vec<Located<IpAddr>> {
        self.addresses.iter().map(|(at, address)| report.located(at, *address)).collect()
    }
}

/// Reads all pools.
pub(super) fn read(report: &mut Report<'_>, rows: Option<Named<PoolRow>>) -> Pools {
    let (mut pools, mut drafts) = (Pools::default(), Vec::new());
    for (name, at, row) in rows.map_or_else(Vec::new, |rows| rows.values) {
        if let Err(message) = <Name as Scalar>::read(&Node::text(&name, at.place)) {
            report.error(&at, message);
        }
        let mut entry = Pool { at, good: None, health: Written::Bad, agent: None, standby: None };
        if let Some(row) = row {
            drafts.push((name.clone(), pool(report, &mut entry, row, &mut pools.addresses)));
        }
        pools.by_name.insert(name, entry);
    }
    fallback::resolve(report, &mut pools.by_name, drafts);
    pools
}

/// Fills what is known of a pool without the others; gives its fallback as it is written.
fn pool(report: &mut Report<'_>, pool: &mut Pool, row: PoolRow, addresses: &mut Vec<(At, IpAddr)>) -> fallback::Draft {
    let mut seen = Seen { names: HashMap::new(), by_address: HashMap::new(), addresses };
    pool.health = health::read(report, row.health);
    pool.agent = row.agent_check.value.and_then(|row| agent_check(report, row)).map(Arc::new);
    let backends = backends(report, row.backends, &mut seen);
    let forward_at = row.forward.at.clone();
    let forward = PoolForward::of(report, row.forward);
    pool.good = forward.zip(backends);
    if let Some((forward, backends)) = &pool.good {
        forward.check_sources(report, &forward_at, backends);
    }
    fallback::read(report, row.fallback, &mut seen)
}

fn agent_check(report: &mut Report<'_>, row: AgentCheckRow) -> Option<AgentCheck> {
    let (interval, timeout) = health::pace(report, &row.interval, row.timeout);
    let send = row.send.optional();
    Some(AgentCheck { port: row.port.value?.0, interval: interval?, timeout: timeout?, send: send?.map(|text| text.0) })
}

fn backends(
    report: &mut Report<'_>,
    field: Field<List<BackendRow, 1, BACKENDS_MOST>>,
    seen: &mut Seen<'_>,
) -> Option<Arc<[Backend]>> {
    let (list, rows) = (field.at, field.value?.values);
    let written = rows.len();
    if written > BACKENDS_MOST {
        report.error(&list, format!("{written} backends are too many: write at most {BACKENDS_MOST} in one pool"));
    }
    let backends: Vec<_> = rows.into_iter().filter_map(|(_, row)| backend(report, row?, seen)).collect();
    if written > 0 && backends.len() == written && backends.iter().all(|backend| backend.weight.get() == 0) {
        report.warn(&list, "every backend has weight 0: no new flows are accepted");
    }
    if backends.is_empty() { None } else { Some(backends.into()) }
}

/// The backends of one pool so far.
pub(super) struct Seen<'a> {
    names: HashMap<String, Place>,
    by_address: HashMap<IpAddr, Place>,
    addresses: &'a mut Vec<(At, IpAddr)>,
}

/// Reads a backend of a pool of which this was seen.
pub(super) fn backend(report: &mut Report<'_>, row: BackendRow, seen: &mut Seen<'_>) -> Option<Backend> {
    let name = row.name.value.map(|Name(name)| name);
    if let Some(name) = &name {
        let first = *seen.names.entry(name.clone()).or_insert(row.name.at.place);
        if first != row.name.at.place {
            let line = report.line(first);
            let message = format!("{name} is the name of another backend of this pool, at line {line}: change one");
            report.error(&row.name.at, message);
        }
    }
    let address = row.address.value.map(|HostAddress(address)| address);
    if let Some(address) = address {
        let first = *seen.by_address.entry(address).or_insert(row.address.at.place);
        if first != row.address.at.place {
            let line = report.line(first);
            let message =
                format!("{address} is also a backend of this pool at line {line}: remove one, or give it more weight");
            report.error(&row.address.at, message);
        }
        seen.addresses.push((row.address.at, address));
    }
    Some(Backend { name: name?, address: address?, weight: row.weight.value? })
}
