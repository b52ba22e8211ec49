//! The outline of a YAML text: its mappings, lists and scalars, each with its place.
//!
//! Scalars are not interpreted here, but for what YAML itself makes of them ([`Node::to_value`]). Nothing in here can
//! fail: what is not YAML was found before.

use serde_yaml::{Mapping, Number, Value};

use super::{
    error::Place,
    path::{FieldPath, Step},
};

/// A node and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// Where it begins: for a block mapping, at its first key.
    pub(super) place: Place,
    /// What it is.
    pub(super) kind: Kind,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A scalar as YAML decodes it; not yet a number, a boolean or null where it is plain.
    Scalar {
        /// The text.
        text: String,
        /// Whether it is written without quotes, so that it may be more than a text.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A mapping without duplicate keys, in the order of the file.
    Mapping(Vec<Entry>),
}

/// A key, its place, and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The key's text.
    pub(super) key: String,
    /// Where the key begins.
    pub(super) key_place: Place,
    /// The value.
    pub(super) value: Node,
}

impl Node {
    /// The place to look at for a problem of the field at `path`: a written scalar, or the key of anything else.
    /// Where there is no such field, the nearest one above it.
    pub(super) fn locate(&self, path: &FieldPath) -> Place {
        let (mut place, mut node) = (self.place, self);
        for step in path.steps() {
            let Some((below, child)) = node.child(step) else { break };
            (place, node) = (below, child);
        }
        place
    }

    /// The place of the key that the field at `path` is written with; of the entry where it is one of a list.
    pub(super) fn locate_key(&self, path: &FieldPath) -> Place {
        let [above @ .., Step::Key(key)] = path.steps() else { return self.locate(path) };
        let entry = self.descend(above).and_then(|node| node.entry(key));
        entry.map_or_else(|| self.locate(path), |entry| entry.key_place)
    }

    /// The node as a value of `serde_yaml`.
    pub(super) fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Scalar { text, plain: false } => Value::String(text.clone()),
            Kind::Scalar { text, plain: true } => resolve(text),
            Kind::List(nodes) => Value::Sequence(nodes.iter().map(Self::to_value).collect()),
            Kind::Mapping(entries) => {
                let values = entries.iter().map(|Entry { key, value, .. }| (key.as_str().into(), value.to_value()));
                Value::Mapping(values.collect::<Mapping>())
            }
        }
    }

    /// The text of the scalar at `path`, as it is written but for its quotes.
    pub(super) fn text(&self, path: &FieldPath) -> Option<&str> {
        match &self.descend(path.steps())?.kind {
            Kind::Scalar { text, .. } => Some(text),
            Kind::List(_) | Kind::Mapping(_) => None,
        }
    }

    /// The value of a key of this mapping.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    fn descend(&self, steps: &[Step]) -> Option<&Self> {
        steps.iter().try_fold(self, |node, step| Some(node.child(step)?.1))
    }

    fn child(&self, step: &Step) -> Option<(Place, &Self)> {
        match (step, &self.kind) {
            (Step::Key(key), _) => self.entry(key).map(|entry| (entry.place(), &entry.value)),
            (Step::Index(index), Kind::List(nodes)) => nodes.get(*index).map(|node| (node.place, node)),
            (Step::Index(_), _) => None,
        }
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        let Kind::Mapping(entries) = &self.kind else { return None };
        entries.iter().find(|entry| entry.key == key)
    }
}

impl Entry {
    fn place(&self) -> Place {
        match &self.value.kind {
            Kind::Scalar { text, plain } if !(text.is_empty() && *plain) => self.value.place,
            _ => self.key_place,
        }
    }
}

/// What a plain scalar means (YAML 1.2.2, section 10.3.2, the core schema, as `serde_yaml` has it).
fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => text.parse::<Number>().map_or_else(|_| Value::String(text.to_owned()), Value::Number),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::compose::compose, *};

    const TEXT: &str = "\
pools:
  web:
    backends:
      - {name: web1, weight: 0x10}
      - name: \"80\"
        address:
";

    fn place(path: &FieldPath) -> (usize, usize) {
        let Place { line, column, .. } = compose(TEXT, 0).unwrap().node.locate(path);
        (line, column)
    }

    #[test]
    fn places_are_those_of_scalars_and_of_keys() {
        let backends = FieldPath::root().key("pools").key("web").key("backends");
        assert_eq!(place(&FieldPath::root()), (1, 1));
        assert_eq!(place(&backends), (3, 5));
        assert_eq!(place(&backends.index(0)), (4, 9));
        assert_eq!(place(&backends.index(0).key("weight")), (4, 30));
        assert_eq!(place(&backends.index(1)), (5, 9));
        assert_eq!(place(&backends.index(1).key("name")), (5, 15));
        assert_eq!(place(&backends.index(1).key("address")), (6, 9), "no value: the key");
        assert_eq!(place(&backends.index(1).key("weight")), (5, 9), "no key: the mapping");
        assert_eq!(place(&backends.index(7).key("weight")), (3, 5), "no entry: the list's key");
    }

    #[test]
    fn values_are_those_that_serde_yaml_reads() {
        let value = compose(TEXT, 0).unwrap().node.to_value();
        assert_eq!(value, serde_yaml::from_str::<Value>(TEXT).unwrap());
    }

    #[test]
    fn plain_scalars_resolve_as_serde_yaml_does() {
        for text in ["~", "TRUE", "yes", "012", "0o17", "0x5eed", "-3", "1e3", ".inf", "1.5", "a b", "10.0.0.1", "_1"] {
            assert_eq!(resolve(text), serde_yaml::from_str::<Value>(text).unwrap(), "{text}");
        }
    }
}
