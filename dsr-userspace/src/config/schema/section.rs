//! Sections: mappings whose fields have names.

use std::sync::Arc;

use super::{Read, json::Definitions, not, value};
use crate::config::{
    at::At,
    report::Report,
    suggest,
    yaml::{Entry, Kind, Node},
};

/// The description of a section.
pub(in crate::config) struct Section {
    /// Its name in the schema and in the markers of the reference.
    pub(in crate::config) name: &'static str,
    /// What it is, as in "is not a field of ...".
    pub(in crate::config) what: &'static str,
    /// What to write for it, as in "write ...".
    pub(in crate::config) write: &'static str,
    /// Its fields, in the order of the reference.
    pub(in crate::config) fields: &'static [FieldText],
    /// Fields that it does not have, and what to know of each.
    pub(in crate::config) elsewhere: &'static [(&'static str, &'static str)],
    /// What holds between its fields, as keywords of a JSON Schema.
    pub(in crate::config) rules: &'static str,
}

impl Section {
    /// What to know of a field that it does not have.
    pub(in crate::config) fn elsewhere(&self, name: &str) -> Option<&'static str> {
        self.elsewhere.iter().find(|(other, _)| *other == name).map(|(_, message)| *message)
    }
}

/// The description of a field.
pub(in crate::config) struct FieldText {
    /// Its name.
    pub(in crate::config) name: &'static str,
    /// What it is worth where it is not written.
    pub(in crate::config) absent: Absent,
    /// What it is, in Markdown, as the reference has it.
    pub(in crate::config) text: &'static str,
    /// The schema of its value.
    pub(in crate::config) schema: fn(&mut Definitions) -> serde_json::Value,
}

/// What a field is worth that is not written.
pub(in crate::config) enum Absent {
    /// It has to be written.
    Required,
    /// As if this were written, a scalar or `{}`.
    Default(&'static str),
    /// Nothing; what that means, in Markdown.
    Optional(&'static str),
}

/// A field of a section as it was read.
#[derive(Clone, Debug)]
pub(in crate::config) struct Field<T> {
    /// Where it is written, or where it is missing.
    pub(in crate::config) at: At,
    /// Its value or its default; nothing where it is optional and not written, or bad, which was reported.
    pub(in crate::config) value: Option<T>,
    /// Whether it is written, well or not.
    pub(in crate::config) is_written: bool,
}

impl<T> Field<T> {
    /// The value where there is a good one, the default where none is written, nothing where it is bad.
    pub(in crate::config) fn or(self, default: T) -> Option<T> {
        if self.is_written { self.value } else { Some(default) }
    }

    /// As [`Field::or`], where nothing is the default.
    #[allow(clippy::option_option)] // That it is not written is good too.
    pub(in crate::config) fn optional(self) -> Option<Option<T>> {
        if self.is_written { self.value.map(Some) } else { Some(None) }
    }
}

impl<T: Read> Field<T> {
    /// Reads the field of a section with these entries.
    pub(in crate::config) fn of(
        report: &mut Report<'_>,
        section: &Arc<At>,
        entries: &[Entry],
        field: &'static FieldText,
    ) -> Self {
        if let Some(entry) = entries.iter().find(|entry| &*entry.key == field.name) {
            let at = section.field(field.name, entry.place());
            return Self { value: value(report, &at, &entry.value), at, is_written: true };
        }
        let at = section.field(field.name, section.place);
        let value = match field.absent {
            Absent::Required => {
                report.error(&at, format!("is missing: write {}", T::write()));
                None
            }
            Absent::Default("{}") => {
                T::read(report, &at, &Node { place: section.place, kind: Kind::Mapping(Vec::new()) })
            }
            Absent::Default(text) => T::read(report, &at, &Node::plain(text, section.place)),
            Absent::Optional(_) => None,
        };
        Self { at, value, is_written: false }
    }
}

/// The entries of a section, after what is wrong with their names was reported.
pub(in crate::config) fn open<'n>(
    report: &mut Report<'_>,
    at: &At,
    node: &'n Node,
    section: &Section,
) -> Option<(Arc<At>, &'n [Entry])> {
    let Kind::Mapping(entries) = &node.kind else {
        report.error(at, not(node, section.what, section.write));
        return None;
    };
    let at = Arc::new(at.clone());
    for entry in entries {
        if section.fields.iter().all(|field| field.name != &*entry.key) {
            let message = unknown(report, section, &entry.key);
            report.error(&at.key(&entry.key, entry.key_place), message);
        }
    }
    Some((at, entries))
}

fn unknown(report: &mut Report<'_>, section: &Section, name: &str) -> String {
    if let Some(message) = section.elsewhere(name) {
        return message.to_owned();
    }
    let names = || section.fields.iter().map(|field| field.name);
    if let Some(close) = report.closest(name, names()) {
        return format!("is not a field of {}: did you mean `{close}`?", section.what);
    }
    format!("is not a field of {}: remove it, or write {}", section.what, suggest::listed(names()))
}

/// Describes sections. Each becomes a struct with a [`Field`] by field, which reads itself.
///
/// To add a field, add its line: name, type, what it is worth where it is not written, and its text. A type that is new
/// implements `Scalar` or `Choice`. `elsewhere` has fields that people look for here, `rules` what a JSON Schema has to
/// know beside the fields' types.
macro_rules! section {
    ($(
        $(#[doc = $doc:literal])+
        $row:ident $name:literal: $what:literal, $write:literal $(, many $many:literal)? {
            $($field:ident $(as $rename:literal)?: $type:ty = $absent:expr, $text:expr;)*
        }
        $(elsewhere { $($other:literal: $message:expr;)+ })?
        $(rules $rules:literal)?
    )+) => {$(
        $(#[doc = $doc])+
        // Each field has its text, and not every one's place is asked for.
        #[allow(missing_docs, dead_code)]
        pub(in crate::config) struct $row {
            pub(in crate::config) at: std::sync::Arc<$crate::config::at::At>,
            $(pub(in crate::config) $field: $crate::config::schema::Field<$type>,)*
        }

        impl $row {
            pub(in crate::config) const SECTION: $crate::config::schema::Section = $crate::config::schema::Section {
                name: $name,
                what: $what,
                write: $write,
                fields: &[$($crate::config::schema::FieldText {
                    name: section!(@name $field $($rename)?),
                    absent: $absent,
                    text: $text,
                    schema: <$type as $crate::config::schema::Read>::schema,
                },)*],
                elsewhere: &[$($(($other, $message),)+)?],
                rules: section!(@rules $($rules)?),
            };
        }

        impl $crate::config::schema::Read for $row {
            fn write() -> String {
                $write.to_owned()
            }

            $(fn write_many() -> String {
                $many.to_owned()
            })?

            fn what() -> &'static str {
                $what
            }

            fn noun() -> &'static str {
                $name
            }

            fn elsewhere(name: &str) -> Option<&'static str> {
                Self::SECTION.elsewhere(name)
            }

            fn read(
                report: &mut $crate::config::report::Report<'_>,
                at: &$crate::config::at::At,
                node: &$crate::config::yaml::Node,
            ) -> Option<Self> {
                const FIELDS: &[$crate::config::schema::FieldText] = $row::SECTION.fields;
                #[allow(unused_variables, unused_mut)] // Of a section without fields.
                let (at, entries) = $crate::config::schema::open(report, at, node, &Self::SECTION)?;
                #[allow(unused_variables, unused_mut)]
                let mut fields = FIELDS.iter();
                Some(Self {
                    $($field: $crate::config::schema::Field::of(report, &at, entries, fields.next()?),)*
                    at,
                })
            }

            fn schema(definitions: &mut $crate::config::schema::json::Definitions) -> serde_json::Value {
                definitions.section(&Self::SECTION)
            }
        }
    )+};
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $rename:literal) => { $rename };
    (@rules) => { "{}" };
    (@rules $rules:literal) => { $rules };
}

pub(in crate::config) use section;
