//! YAML: from text to nodes with places.
//!
//! Enters: a text. Leaves: its nodes ([`read`]), each with its place, and every finding that did not end the reading.
//! Nothing here knows the fields of a configuration.

mod reader;
mod syntax;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use serde_yaml::Number;

use super::error::Place;
pub(super) use reader::{Document, Finding, read};

/// A node and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// Where it begins: for a block mapping, at its first key.
    pub(super) place: Place,
    /// What it is.
    pub(super) kind: Kind,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A scalar as YAML decodes it; not yet a number, a boolean or null where it is plain.
    Scalar {
        /// The text; empty and plain where nothing is written.
        text: Box<str>,
        /// Whether it is written without quotes, so that it may be more than a text.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A mapping without duplicate keys, in the order of the file.
    Mapping(Vec<Entry>),
    /// An alias: it stands for a value that is not read, which is a finding.
    Alias,
}

/// A key, its place, and its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// The key's text.
    pub(super) key: Box<str>,
    /// Where the key begins.
    pub(super) key_place: Place,
    /// The value.
    pub(super) value: Node,
}

/// What a scalar means.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar<'n> {
    /// Nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(&'n str),
}

impl Node {
    /// A scalar without quotes.
    pub(super) fn plain(text: &str, place: Place) -> Self {
        Self { place, kind: Kind::Scalar { text: text.into(), plain: true } }
    }

    /// A scalar in quotes.
    pub(super) fn text(text: &str, place: Place) -> Self {
        Self { place, kind: Kind::Scalar { text: text.into(), plain: false } }
    }

    /// What it means, if it is a scalar.
    pub(super) fn scalar(&self) -> Option<Scalar<'_>> {
        match &self.kind {
            Kind::Scalar { text, plain: true } => Some(resolve(text)),
            Kind::Scalar { text, plain: false } => Some(Scalar::Text(text)),
            _ => None,
        }
    }

    /// Its text, if it is one and neither a number nor a boolean.
    pub(super) fn as_str(&self) -> Option<&str> {
        match self.scalar() {
            Some(Scalar::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Its number, if it is a whole one from 0 to 64 bits.
    pub(super) fn as_u64(&self) -> Option<u64> {
        match self.scalar() {
            Some(Scalar::Number(number)) => number.as_u64(),
            _ => None,
        }
    }

    /// Whether nothing is written, or `null`.
    pub(super) fn is_null(&self) -> bool {
        self.scalar() == Some(Scalar::Null)
    }

    /// The value of a key of this mapping.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Kind::Mapping(entries) = &self.kind else { return None };
        entries.iter().find(|entry| &*entry.key == key).map(|entry| &entry.value)
    }
}

impl Entry {
    /// The place to look at for a problem of the value: a written scalar, or the key of anything else.
    pub(super) fn place(&self) -> Place {
        match &self.value.kind {
            Kind::Scalar { text, plain } if !(text.is_empty() && *plain) => self.value.place,
            _ => self.key_place,
        }
    }
}

/// What a plain scalar means (YAML 1.2.2, section 10.3.2, the core schema, as `serde_yaml` has it).
fn resolve(text: &str) -> Scalar<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "true" | "True" | "TRUE" => Scalar::Bool(true),
        "false" | "False" | "FALSE" => Scalar::Bool(false),
        _ => text.parse().map_or(Scalar::Text(text), Scalar::Number),
    }
}

/// Takes out the entries whose key was there before, each with the place of the first.
fn take_duplicates(entries: &mut Vec<Entry>) -> Vec<(Entry, Place)> {
    let is_new = |(index, entry): (usize, &Entry)| entries[..index].iter().all(|other| other.key != entry.key);
    if entries.len() <= FEW && entries.iter().enumerate().all(is_new) {
        return Vec::new();
    }
    let first = first_places(entries);
    if first.iter().all(Option::is_none) {
        return Vec::new();
    }
    let (mut kept, mut again) = (Vec::new(), Vec::new());
    for (entry, first) in entries.drain(..).zip(first) {
        match first {
            None => kept.push(entry),
            Some(place) => again.push((entry, place)),
        }
    }
    *entries = kept;
    again
}

/// Of each entry, the place of the first one with its key, where that is another.
fn first_places(entries: &[Entry]) -> Vec<Option<Place>> {
    let mut first: HashMap<&str, Place> = HashMap::with_capacity(entries.len());
    let mut seen = Vec::with_capacity(entries.len());
    for entry in entries {
        seen.push(first.get(&*entry.key).copied());
        first.entry(&entry.key).or_insert(entry.key_place);
    }
    seen
}

/// Entries that are compared with each other faster than in a table.
const FEW: usize = 16;
