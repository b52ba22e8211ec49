//! What a configuration may have: one description of each section, and what follows from it.
//!
//! A section is described once, by `section!` in `sections.rs`, `health/rows.rs` or `backend/rows.rs`: its fields with their
//! types, defaults and texts. From that come the struct ([`Field`] by field), reading it with every error at once
//! ([`Read`]), the messages, the JSON Schema ([`json`]) and the tables of the references in docs/ (`reference`, a test).

pub(super) mod json;
mod list;
#[cfg(test)]
mod reference;
mod scalar;
mod section;

pub(super) use json::FileKind;
pub(super) use list::{List, Named, distinct};
pub(super) use scalar::{Choice, ChoiceOr, Scalar, Word, WordOr, integers};
pub(super) use section::{Absent, Field, FieldText, Section, open, section};

use serde_json::Value as Json;

use super::{
    at::{At, shown},
    report::Report,
    yaml::{self, Kind, Node},
};
use json::Definitions;

/// What can be the value of a field.
pub(super) trait Read: Sized {
    /// What an operator has to write, as in "write ...".
    fn write() -> String;

    /// The same of a list or mapping of such values.
    fn write_many() -> String {
        "several of them".to_owned()
    }

    /// What it is, as in "is not ...".
    fn what() -> &'static str {
        "a value"
    }

    /// What one of them is called, as in "has no ...".
    fn noun() -> &'static str {
        "entry"
    }

    /// What to say of a name that is written here and is none; nothing where that is not known.
    fn elsewhere(_name: &str) -> Option<&'static str> {
        None
    }

    /// Reads it, or reports what is wrong and what to write instead.
    fn read(report: &mut Report<'_>, at: &At, node: &Node) -> Option<Self>;

    /// What it may be, as a JSON Schema.
    fn schema(definitions: &mut Definitions) -> Json;
}

/// Reads a file as a whole.
pub(super) fn file<T: Read>(report: &mut Report<'_>, node: &Node) -> Option<T> {
    let top = At::top(node.place);
    if node.is_null() {
        report.error(&top, format!("the file is empty: write {}", T::write()));
        return None;
    }
    T::read(report, &top, node)
}

/// Reads a value that is written, be it null.
pub(super) fn value<T: Read>(report: &mut Report<'_>, at: &At, node: &Node) -> Option<T> {
    // That an alias is not supported was found before.
    if node.kind == Kind::Alias {
        return None;
    }
    if node.is_null() {
        report.error(at, format!("has no value: write {}", T::write()));
        return None;
    }
    T::read(report, at, node)
}

/// What to say of a value that is not what is wanted.
pub(super) fn not(node: &Node, what: &str, write: &str) -> String {
    format!("{} is not {what}: write {write}", called(node))
}

/// A value as messages name it: numbers as they are written, `1e3` is not told as 1000.
fn called(node: &Node) -> String {
    match (&node.kind, node.scalar()) {
        (Kind::List(_), _) => "a list".to_owned(),
        (Kind::Mapping(_), _) => "a mapping".to_owned(),
        (Kind::Scalar { text, .. }, Some(yaml::Scalar::Bool(_) | yaml::Scalar::Number(_))) => shown(text),
        (Kind::Scalar { text, .. }, Some(yaml::Scalar::Text(_))) => format!("`{}`", shown(text)),
        _ => "nothing".to_owned(),
    }
}
