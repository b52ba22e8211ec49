//! Fallbacks of pools: from what is written to the backends that serve where too few of a pool's are up.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use serde_json::{Value as Json, json};

use super::{
    at::{At, shown},
    health::Written,
    pools::{Pool, Seen, backend},
    report::Report,
    scalar::Name,
    schema::{Field, Read, Scalar, json::Definitions, not},
    sections::{BACKENDS_MOST, BackendRow},
    yaml::{Kind, Node},
};
use crate::model::Backend;

/// A field `fallback`.
pub(super) enum FallbackField {
    /// The name of a pool.
    Pool(String),
    /// A backend.
    Backend(Box<BackendRow>),
}

impl Read for FallbackField {
    fn write() -> String {
        format!("the name of a pool, or {BACKEND}")
    }

    fn read(report: &mut Report<'_>, at: &At, node: &Node) -> Option<Self> {
        if matches!(node.kind, Kind::Mapping(_)) {
            return <BackendRow as Read>::read(report, at, node).map(|row| Self::Backend(Box::new(row)));
        }
        if node.as_str().is_some() {
            return <Name as Read>::read(report, at, node).map(|Name(name)| Self::Pool(name));
        }
        report.error(at, not(node, "a fallback", &Self::write()));
        None
    }

    fn schema(definitions: &mut Definitions) -> Json {
        json!({"anyOf": [<Name as Scalar>::schema(), <BackendRow as Read>::schema(definitions)]})
    }
}

/// A fallback that is not compared with other pools yet.
#[derive(Default)]
pub(super) enum Draft {
    /// None is written, or a bad one, which was reported.
    #[default]
    None,
    /// A pool's name, and where it is written.
    Pool(String, At),
    /// A backend that is of the pool itself.
    Backend(Backend),
}

/// The fallback of a pool.
#[derive(Clone)]
pub(super) struct Standby {
    /// The name of the pool that its backends are of.
    pub(super) pool: String,
    /// The backends.
    pub(super) backends: Arc<[Backend]>,
    /// How they are checked; nothing where it is as the pool's own are.
    pub(super) health: Option<Written>,
}

/// Reads the field of a pool of which this was seen.
pub(super) fn read(report: &mut Report<'_>, field: Field<FallbackField>, seen: &mut Seen<'_>) -> Draft {
    match field.value {
        None => Draft::None,
        Some(FallbackField::Pool(name)) => Draft::Pool(name, field.at),
        Some(FallbackField::Backend(row)) => backend(report, *row, seen).map_or(Draft::None, Draft::Backend),
    }
}

/// Finds the backends of all fallbacks.
pub(super) fn resolve(report: &mut Report<'_>, pools: &mut BTreeMap<String, Pool>, drafts: Vec<(String, Draft)>) {
    let chained: HashSet<String> =
        drafts.iter().filter(|(_, draft)| !matches!(draft, Draft::None)).map(|(name, _)| name.clone()).collect();
    for (name, draft) in drafts {
        let standby = match draft {
            Draft::None => None,
            Draft::Backend(backend) => Some(Standby { pool: name.clone(), backends: [backend].into(), health: None }),
            Draft::Pool(other, at) => {
                if chained.contains(&other) && other != name {
                    report.warn(
                        &at,
                        format!("the fallback of {} is not used here: write it at this pool", shown(&other)),
                    );
                }
                of_pool(report, &at, (&name, &other), pools)
            }
        };
        if let Some(pool) = pools.get_mut(&name) {
            pool.standby = standby;
        }
    }
}

fn of_pool(
    report: &mut Report<'_>,
    at: &At,
    (name, other): (&str, &str),
    pools: &BTreeMap<String, Pool>,
) -> Option<Standby> {
    if name == other {
        report.error(at, format!("is the pool itself: write the name of another one, or {BACKEND}"));
        return None;
    }
    let Some(found) = pools.get(other) else {
        let remedy = match report.closest(other, pools.keys().map(String::as_str)) {
            Some(close) if close != name => format!("did you mean {}?", shown(close)),
            _ => format!("add it below `pools:`, or write {BACKEND}"),
        };
        report.error(at, format!("there is no pool {}: {remedy}", shown(other)));
        return None;
    };
    // What is wrong with one of the two pools was said there.
    let (Some((own_forward, own)), Some((forward, standby))) = (&pools.get(name)?.good, &found.good) else {
        return None;
    };
    if own_forward != forward {
        let message = format!("packets reach {} by another forward mode: write the same for both pools", shown(other));
        report.error(at, message);
        return None;
    }
    if own.len() + standby.len() > BACKENDS_MOST {
        report.error(at, format!("both pools together have more than {BACKENDS_MOST} backends: write fewer"));
    }
    let are_distinct = compare(report, at, own, standby);
    let health = Some(found.health.clone());
    are_distinct.then(|| Standby { pool: other.to_owned(), backends: Arc::clone(standby), health })
}

/// Whether no backend is in both pools; reports those that are.
fn compare(report: &mut Report<'_>, at: &At, own: &[Backend], standby: &[Backend]) -> bool {
    let addresses: HashSet<_> = own.iter().map(|backend| backend.address).collect();
    let names: HashSet<_> = own.iter().map(|backend| backend.name.as_str()).collect();
    let mut are_distinct = true;
    for backend in standby {
        let same_address = addresses.contains(&backend.address);
        if same_address || names.contains(backend.name.as_str()) {
            let what = if same_address { backend.address.to_string() } else { backend.name.clone() };
            report.error(at, format!("{what} is a backend of both pools: change or remove it in one of them"));
            are_distinct = false;
        }
    }
    are_distinct
}

const BACKEND: &str = "a backend, like {name: sorry1, address: 10.0.0.99}";
