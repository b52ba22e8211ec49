//! Where problems are gathered while a file is read.

use std::path::Path;

use super::{
    compose::Outline,
    error::{Located, Place, Problem},
    field::{Field, Read},
    file::Row,
    outline::Node,
    path::FieldPath,
    suggest,
};

/// The problems so far, and what is needed to say where they are.
pub(super) struct Report<'a> {
    file: &'a Path,
    node: Node,
    /// What makes the file unusable.
    pub(super) errors: Vec<Problem>,
    /// What is doubtful.
    pub(super) warnings: Vec<Problem>,
}

impl<'a> Report<'a> {
    /// A report that begins with what was found while the outline was made.
    pub(super) fn new(file: &'a Path, Outline { node, findings }: Outline) -> Self {
        let problem = |finding: super::compose::Finding| finding.problem(file);
        Self { file, node, errors: findings.into_iter().map(problem).collect(), warnings: Vec::new() }
    }

    /// Something is wrong with a field.
    pub(super) fn error(&mut self, at: &FieldPath, message: impl Into<String>) {
        self.errors.push(Problem::new(self.file, self.node.locate(at), at, message));
    }

    /// A field is doubtful.
    pub(super) fn warn(&mut self, at: &FieldPath, message: impl Into<String>) {
        self.warnings.push(Problem::new(self.file, self.node.locate(at), at, message));
    }

    /// Takes the value of a field that may be absent.
    pub(super) fn optional<T>(&mut self, at: &FieldPath, field: Field<T>) -> Optional<T> {
        match field {
            Field::Absent => Optional::Absent,
            Field::Good(value) => Optional::Value(value),
            Field::Bad(message) => {
                self.error(at, message);
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
            self.errors.push(Problem::new(self.file, place, path, not_a_field::<T>(field)));
        }
    }

    /// The line of a field.
    pub(super) fn line(&self, at: &FieldPath) -> usize {
        self.place(at).line
    }

    /// A value with its place.
    pub(super) fn located<T>(&self, at: &FieldPath, value: T) -> Located<T> {
        Located { value, place: self.place(at), field: at.to_string() }
    }

    fn place(&self, at: &FieldPath) -> Place {
        self.node.locate(at)
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
