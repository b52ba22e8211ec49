//! Pools: from rows to the model's backends.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::Arc,
};

use dsr_common::limits::MEMBERS_PER_SERVICE;

use super::{
    agent_check,
    error::Located,
    fallback::{self, Standby},
    field::{Entries, Field, Read},
    file::{BackendRow, PoolRow},
    health::{self, Written},
    path::FieldPath,
    report::Report,
    scalar::Name,
};
use crate::model::{AgentCheck, Backend, Forward, Weight};

/// A pool as services refer to it.
pub(super) struct Pool {
    /// Where it is written.
    pub(super) path: FieldPath,
    /// How packets reach its backends, and these; nothing where that was reported as bad.
    pub(super) good: Option<(Forward, Arc<[Backend]>)>,
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
    /// The addresses of all backends, also of pools that are otherwise bad.
    pub(super) addresses: Vec<(FieldPath, Located<IpAddr>)>,
}

/// Reads all pools.
pub(super) fn read(report: &mut Report<'_>, Entries(rows): Entries<PoolRow>) -> Pools {
    let (mut pools, mut drafts) = (Pools::default(), Vec::new());
    let top = FieldPath::root().key("pools");
    if rows.is_empty() {
        report.error(&top, format!("has no pool: write {}", PoolRow::WRITE_MANY));
    }
    for (name, field) in rows {
        let path = top.key(&name);
        if let Err(message) = Name::new(name.clone()) {
            report.error(&path, message);
        }
        let mut entry = Pool { path, good: None, health: Written::Bad, agent: None, standby: None };
        if let Some(row) = report.required(&entry.path, field) {
            let draft = pool(report, &mut entry, row, &mut pools.addresses);
            drafts.push((name.clone(), draft));
        }
        pools.by_name.insert(name, entry);
    }
    fallback::resolve(report, &mut pools.by_name, drafts);
    pools
}

/// Fills what is known of a pool without the others; gives its fallback as it is written.
fn pool(
    report: &mut Report<'_>,
    pool: &mut Pool,
    mut row: PoolRow,
    addresses: &mut Vec<(FieldPath, Located<IpAddr>)>,
) -> fallback::Draft {
    report.unknown(&pool.path, &mut row);
    let (path, mut seen) = (&pool.path, Seen::default());
    pool.health = health::read(report, &path.key("health"), row.health);
    pool.agent = agent_check::read(report, &path.key("agent_check"), row.agent_check).map(Arc::new);
    let forward = report.optional(&path.key("forward"), row.forward).or(Forward::L2);
    let list = path.key("backends");
    let backends = report.required(&list, row.backends).and_then(|rows| backends(report, &list, rows, &mut seen));
    let draft = fallback::read(report, &path.key("fallback"), row.fallback, &mut seen);
    addresses.extend(seen.located);
    pool.good = forward.zip(backends);
    draft
}

fn backends(
    report: &mut Report<'_>,
    list: &FieldPath,
    rows: Vec<Field<BackendRow>>,
    seen: &mut Seen,
) -> Option<Arc<[Backend]>> {
    let written = rows.len();
    if rows.is_empty() {
        report.error(list, format!("has no backend: write {}", BackendRow::WRITE_MANY));
    }
    if written > MEMBERS_PER_SERVICE as usize {
        report.error(list, format!("{written} backends are too many: write at most {MEMBERS_PER_SERVICE} in one pool"));
    }
    let backends: Vec<_> = rows
        .into_iter()
        .enumerate()
        .filter_map(|(index, field)| backend(report, &list.index(index), field, seen))
        .collect();
    if written > 0 && backends.len() == written && backends.iter().all(|backend| backend.weight.get() == 0) {
        report.warn(list, "every backend has weight 0: no new flows are accepted");
    }
    if backends.is_empty() { None } else { Some(backends.into()) }
}

/// The backends of one pool so far.
#[derive(Default)]
pub(super) struct Seen {
    names: HashMap<String, FieldPath>,
    addresses: HashMap<IpAddr, FieldPath>,
    located: Vec<(FieldPath, Located<IpAddr>)>,
}

/// Reads a backend of a pool of which this was seen.
pub(super) fn backend(
    report: &mut Report<'_>,
    path: &FieldPath,
    field: Field<BackendRow>,
    seen: &mut Seen,
) -> Option<Backend> {
    let mut row = report.required(path, field)?;
    report.unknown(path, &mut row);
    let at = path.key("name");
    let name = report.required(&at, row.name).map(|Name(name)| name);
    if let Some(name) = &name {
        if let Some(first) = seen.names.get(name) {
            let line = report.line(first);
            report
                .error(&at, format!("{name} is the name of another backend of this pool, at line {line}: change one"));
        }
        seen.names.entry(name.clone()).or_insert(at);
    }
    let at = path.key("address");
    let address = report.required(&at, row.address).map(|address| address.0);
    if let Some(address) = address {
        if let Some(first) = seen.addresses.get(&address) {
            let line = report.line(first);
            report.error(
                &at,
                format!("{address} is also a backend of this pool at line {line}: remove one, or give it more weight"),
            );
        }
        seen.addresses.entry(address).or_insert_with(|| at.clone());
        seen.located.push((at.clone(), report.located(&at, address)));
    }
    let weight = report.optional(&path.key("weight"), row.weight).or(Weight::DEFAULT);
    Some(Backend { name: name?, address: address?, weight: weight? })
}
