//! Fallbacks of pools: from what is written to the backends that serve where too few of a pool's are up.

use std::{collections::BTreeMap, sync::Arc};

use dsr_common::limits::MEMBERS_PER_SERVICE;
use serde_yaml::Value;

use super::{
    field::{Field, Read, not},
    file::BackendRow,
    health::Written,
    path::{FieldPath, shown},
    pools::{Pool, Seen, backend},
    report::{Optional, Report},
    scalar::Name,
    suggest,
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
    const WRITE: &'static str = "the name of a pool, or a backend, like {name: sorry1, address: 10.0.0.99}";

    fn read(value: Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Name::new(text).map(|Name(name)| Self::Pool(name)),
            value if value.is_mapping() => BackendRow::read(value).map(|row| Self::Backend(Box::new(row))),
            value => Err(not::<Self>(&value, "a fallback")),
        }
    }
}

/// A fallback that is not compared with other pools yet.
#[derive(Default)]
pub(super) enum Draft {
    /// None is written, or a bad one, which was reported.
    #[default]
    None,
    /// A pool's name.
    Pool(String),
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

/// Reads the field at `at`, in a pool of which this was seen.
pub(super) fn read(report: &mut Report<'_>, at: &FieldPath, field: Field<FallbackField>, seen: &mut Seen) -> Draft {
    match report.optional(at, field) {
        Optional::Absent | Optional::Bad => Draft::None,
        Optional::Value(FallbackField::Pool(name)) => Draft::Pool(name),
        Optional::Value(FallbackField::Backend(row)) => {
            backend(report, at, Field::Good(*row), seen).map_or(Draft::None, Draft::Backend)
        }
    }
}

/// Finds the backends of all fallbacks.
pub(super) fn resolve(report: &mut Report<'_>, pools: &mut BTreeMap<String, Pool>, drafts: Vec<(String, Draft)>) {
    let chained: Vec<String> =
        drafts.iter().filter(|(_, draft)| !matches!(draft, Draft::None)).map(|(name, _)| name.clone()).collect();
    for (name, draft) in drafts {
        let Some(at) = pools.get(&name).map(|pool| pool.path.key("fallback")) else { continue };
        let standby = match draft {
            Draft::None => None,
            Draft::Backend(backend) => Some(Standby { pool: name.clone(), backends: [backend].into(), health: None }),
            Draft::Pool(other) => {
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
    at: &FieldPath,
    (name, other): (&str, &str),
    pools: &BTreeMap<String, Pool>,
) -> Option<Standby> {
    if name == other {
        report.error(at, format!("is the pool itself: write the name of another one, or {BACKEND}"));
        return None;
    }
    let Some(found) = pools.get(other) else {
        let names = || pools.keys().map(String::as_str).filter(|known| *known != name);
        let remedy = match suggest::closest(other, names()) {
            Some(close) => format!("did you mean {}?", shown(close)),
            None => format!("add it below `pools:`, or write {BACKEND}"),
        };
        report.error(at, format!("there is no pool {}: {remedy}", shown(other)));
        return None;
    };
    // What is wrong with one of the two pools was said there.
    let (own, standby) = (&pools.get(name)?.good.as_ref()?.1, &found.good.as_ref()?.1);
    let mut distinct = true;
    for backend in standby.iter() {
        let same_address = own.iter().any(|known| known.address == backend.address);
        if same_address || own.iter().any(|known| known.name == backend.name) {
            let what = if same_address { backend.address.to_string() } else { backend.name.clone() };
            let message = format!("{what} is a backend of both pools: change or remove it in one of them");
            report.error(at, message);
            distinct = false;
        }
    }
    if own.len() + standby.len() > MEMBERS_PER_SERVICE as usize {
        report.error(at, format!("both pools together have more than {MEMBERS_PER_SERVICE} backends: write fewer"));
    }
    let health = Some(found.health.clone());
    distinct.then(|| Standby { pool: other.to_owned(), backends: Arc::clone(standby), health })
}

const BACKEND: &str = "a backend, like {name: sorry1, address: 10.0.0.99}";
