//! Where problems are gathered while a file is read.

use std::{path::PathBuf, sync::Arc};

use super::{
    compose::Outline,
    error::{Located, Place, Problem},
    field::{Field, Read, WRITTEN},
    file::Row,
    outline::Node,
    path::{FieldPath, shown},
    source::{Line, SourceFile},
    suggest,
};

/// The problems so far, and what is needed to say where they are.
pub(super) struct Report<'a> {
    files: &'a [SourceFile],
    node: Node,
    /// What makes the file unusable.
    pub(super) errors: Vec<Problem>,
    /// What is doubtful.
    pub(super) warnings: Vec<Problem>,
    /// The programs that checks run.
    pub(super) programs: Vec<Located<PathBuf>>,
}

impl<'a> Report<'a> {
    /// A report of these files, the first of which includes the others, that begins with what was found while the
    /// outline was made.
    pub(super) fn new(files: &'a [SourceFile], Outline { node, findings }: Outline) -> Self {
        let errors = findings.into_iter().map(|finding| finding.problem(files)).collect();
        Self { files, node, errors, warnings: Vec::new(), programs: Vec::new() }
    }

    /// Something is wrong with a field.
    pub(super) fn error(&mut self, at: &FieldPath, message: impl Into<String>) {
        let problem = self.problem(self.node.locate(at), at, message);
        self.errors.push(problem);
    }

    /// A field is doubtful.
    pub(super) fn warn(&mut self, at: &FieldPath, message: impl Into<String>) {
        let problem = self.problem(self.node.locate(at), at, message);
        self.warnings.push(problem);
    }

    fn problem(&self, place: Place, at: &FieldPath, message: impl Into<String>) -> Problem {
        Problem::new(&self.file(place).path, place, self.in_its_file(place, at), message)
    }

    fn file(&self, place: Place) -> &SourceFile {
        &self.files[place.source]
    }

    /// The field as the file has it that it is written in.
    fn in_its_file(&self, place: Place, at: &FieldPath) -> FieldPath {
        at.less_index("services", self.file(place).services_before)
    }

    /// Takes the value of a field that may be absent.
    pub(super) fn optional<T>(&mut self, at: &FieldPath, field: Field<T>) -> Optional<T> {
        match field {
            Field::Absent => Optional::Absent,
            Field::Good(value) => Optional::Value(value),
            Field::Bad(message) => {
                let written = self.node.text(at).map_or_else(String::new, shown);
                self.error(at, message.replace(WRITTEN, &written));
                Optional::Bad
            }
        }
    }

    /// Takes the value of a field that must be there.
    pub(super) fn required<T: Read>(&mut self, at: &FieldPath, field: Field<T>) -> Option<T> {
        match self.optional(at, field) {
            Optional::Value(value) => Some(value),
            Optional::Bad => None,
            Optional::Absent => {
                self.error(at, format!("is missing: write {}", T::WRITE));
                None
            }
        }
    }

    /// Reports what is written beside the fields of a row.
    pub(super) fn unknown<T: Row>(&mut self, at: &FieldPath, row: &mut T) {
        for field in row.take_unknown().keys() {
            let path = at.key(field);
            let place = self.node.locate_key(&path);
            let problem = self.problem(place, &path, not_a_field::<T>(field));
            self.errors.push(problem);
        }
    }

    /// The line of a field.
    pub(super) fn line(&self, at: &FieldPath) -> Line<'a> {
        Line::new(self.files, self.node.locate(at))
    }

    /// The line of a value.
    pub(super) const fn line_of<T>(&self, located: &Located<T>) -> Line<'a> {
        Line::new(self.files, located.place)
    }

    /// A value with its place.
    pub(super) fn located<T>(&self, at: &FieldPath, value: T) -> Located<T> {
        let place = self.node.locate(at);
        let (file, field) = (Arc::clone(&self.file(place).path), self.in_its_file(place, at).to_string());
        Located { value, file, place, field }
    }
}

/// A field that need not be written.
pub(super) enum Optional<T> {
    /// It is not.
    Absent,
    /// It is, and was reported as bad.
    Bad,
    /// It is.
    Value(T),
}

impl<T> Optional<T> {
    /// The same with another value.
    pub(super) fn map<U>(self, of: impl FnOnce(T) -> U) -> Optional<U> {
        match self {
            Self::Absent => Optional::Absent,
            Self::Bad => Optional::Bad,
            Self::Value(value) => Optional::Value(of(value)),
        }
    }

    /// The good value, if there is one, which stays.
    pub(super) const fn as_ref(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Bad => None,
        }
    }

    /// The value where there is a good one, the default where none is written, nothing where it is bad.
    pub(super) fn or(self, default: T) -> Option<T> {
        match self {
            Self::Absent => Some(default),
            Self::Bad => None,
            Self::Value(value) => Some(value),
        }
    }

    /// The value where there is a good one.
    pub(super) fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Bad => None,
        }
    }
}

fn not_a_field<T: Row>(field: &str) -> String {
    if let Some((_, message)) = T::OTHER.iter().find(|(name, _)| *name == field) {
        return (*message).to_owned();
    }
    let what = T::WHAT;
    if let Some(name) = suggest::closest(field, T::FIELDS.iter().copied()) {
        return format!("is not a field of {what}: did you mean `{name}`?");
    }
    format!("is not a field of {what}: remove it, or write {}", suggest::listed(T::FIELDS.iter().copied()))
}
