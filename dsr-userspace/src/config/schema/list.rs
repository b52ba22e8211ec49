//! Lists, and mappings whose keys the operator chooses.

use std::{collections::HashMap, fmt::Display, hash::Hash, sync::Arc};

use serde_json::{Value as Json, json};

use super::{Read, json::Definitions, not, value};
use crate::config::{
    at::{At, shown},
    error::Place,
    report::Report,
    yaml::{Kind, Node},
};

/// A list of at least so many values, each with its place; nothing in place of one that is bad, which was reported.
#[derive(Clone, Debug)]
pub(in crate::config) struct List<T, const LEAST: usize = 0, const MOST: usize = { usize::MAX }> {
    /// The values, in the order of the file.
    pub(in crate::config) values: Vec<(At, Option<T>)>,
}

impl<T: Read, const LEAST: usize, const MOST: usize> Read for List<T, LEAST, MOST> {
    fn write() -> String {
        T::write_many()
    }

    fn read(report: &mut Report<'_>, at: &At, node: &Node) -> Option<Self> {
        let nodes = match (&node.kind, node.as_str()) {
            (Kind::List(nodes), _) => nodes,
            (_, Some(text)) => {
                let text = shown(text);
                report.error(at, format!("`{text}` is not a list: write [{text}]"));
                return None;
            }
            _ => {
                report.error(at, not(node, "a list", &Self::write()));
                return None;
            }
        };
        if nodes.len() < LEAST {
            report.error(at, format!("has no {}: write {}", T::noun(), Self::write()));
        }
        let (list, mut index, mut source) = (Arc::new(at.clone()), 0, at.place.source);
        let values = nodes.iter().map(|node| {
            // Entries are counted in the file that they are in, of which an included one adds its own to the list.
            if node.place.source != source {
                (index, source) = (0, node.place.source);
            }
            let at = list.index(index, node.place);
            index += 1;
            (at.clone(), value(report, &at, node))
        });
        Some(Self { values: values.collect() })
    }

    fn schema(definitions: &mut Definitions) -> Json {
        let mut schema = json!({"type": "array", "items": T::schema(definitions)});
        if LEAST > 0 {
            schema["minItems"] = LEAST.into();
        }
        if MOST < usize::MAX {
            schema["maxItems"] = MOST.into();
        }
        schema
    }
}

/// The good values of a list without those that were there before, which are reported.
pub(in crate::config) fn distinct<T, V, const LEAST: usize, const MOST: usize>(
    report: &mut Report<'_>,
    list: Option<List<T, LEAST, MOST>>,
    value: impl Fn(T) -> V,
) -> Vec<(At, V)>
where
    V: Clone + Eq + Hash + Display,
{
    let mut seen: HashMap<V, Place> = HashMap::new();
    let mut is_new = |(at, value): &(At, V)| {
        let first = *seen.entry(value.clone()).or_insert(at.place);
        if first != at.place {
            let line = report.line(first);
            report.error(at, format!("{value} is written twice, also at line {line}: keep one of them"));
        }
        first == at.place
    };
    let written = list.map_or_else(Vec::new, |list| list.values);
    let good = written.into_iter().filter_map(|(at, found)| Some((at, value(found?))));
    good.filter(|entry| is_new(entry)).collect()
}

/// A mapping of at least one value, in the order of the file.
pub(in crate::config) struct Named<T> {
    /// The values by name, each with its place; nothing in place of one that is bad, which was reported.
    pub(in crate::config) values: Vec<(String, At, Option<T>)>,
}

impl<T: Read> Read for Named<T> {
    fn write() -> String {
        T::write_many()
    }

    fn read(report: &mut Report<'_>, at: &At, node: &Node) -> Option<Self> {
        let Kind::Mapping(entries) = &node.kind else {
            report.error(at, not(node, "a mapping", &Self::write()));
            return None;
        };
        if entries.is_empty() {
            report.error(at, format!("has no {}: write {}", T::noun(), Self::write()));
        }
        let above = Arc::new(at.clone());
        let values = entries.iter().map(|entry| {
            let at = above.key(&entry.key, entry.place());
            let value = value(report, &at, &entry.value);
            (entry.key.to_string(), at, value)
        });
        Some(Self { values: values.collect() })
    }

    fn schema(definitions: &mut Definitions) -> Json {
        json!({
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": crate::config::scalar::NAME_PATTERN},
            "additionalProperties": T::schema(definitions),
        })
    }
}
