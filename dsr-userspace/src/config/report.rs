//! Where problems are gathered while files are read.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    at::At,
    error::{Located, Place, Problem},
    suggest,
    yaml::Finding,
};

/// The problems so far, and what is needed to say where they are.
pub(super) struct Report<'a> {
    files: &'a [Arc<Path>],
    /// What makes the files unusable.
    pub(super) errors: Vec<Problem>,
    /// What is doubtful.
    pub(super) warnings: Vec<Problem>,
    /// The programs that checks run.
    pub(super) programs: Vec<Located<PathBuf>>,
    /// How many more names may be compared to guess what was meant.
    guesses: usize,
}

/// Names that are compared: looking for what a misspelled name may mean must not take longer than reading the file.
const GUESSES_MOST: usize = 100_000;

impl<'a> Report<'a> {
    /// A report of these files, the first of which includes the others, that begins with what was found while they were
    /// read.
    pub(super) fn new(files: &'a [Arc<Path>], findings: &[Finding]) -> Self {
        let errors = findings.iter().map(|finding| finding.problem(files)).collect();
        Self { files, errors, warnings: Vec::new(), programs: Vec::new(), guesses: GUESSES_MOST }
    }

    /// Something is wrong with a field.
    pub(super) fn error(&mut self, at: &At, message: impl Into<String>) {
        let problem = self.problem(at, message);
        self.errors.push(problem);
    }

    /// A field is doubtful.
    pub(super) fn warn(&mut self, at: &At, message: impl Into<String>) {
        let problem = self.problem(at, message);
        self.warnings.push(problem);
    }

    fn problem(&self, at: &At, message: impl Into<String>) -> Problem {
        Problem::new(&self.files[at.place.source], at.place, at, message)
    }

    /// The name among `known` that `written` is most likely a slip of, if there is one and guessing is not too much work.
    pub(super) fn closest<'n>(
        &mut self,
        written: &str,
        known: impl ExactSizeIterator<Item = &'n str>,
    ) -> Option<&'n str> {
        self.guesses = self.guesses.checked_sub(known.len())?;
        suggest::closest(written, known)
    }

    /// The line of a place.
    pub(super) const fn line(&self, place: Place) -> Line<'a> {
        Line { files: self.files, place }
    }

    /// A value with its place.
    pub(super) fn located<T>(&self, at: &At, value: T) -> Located<T> {
        Located { value, file: Arc::clone(&self.files[at.place.source]), place: at.place, field: at.to_string() }
    }
}

/// A line as messages name it: with its file where there are several.
pub(super) struct Line<'a> {
    files: &'a [Arc<Path>],
    place: Place,
}

impl<'a> Line<'a> {
    pub(super) const fn new(files: &'a [Arc<Path>], place: Place) -> Self {
        Self { files, place }
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files, place } = self;
        match files.get(place.source) {
            Some(file) if files.len() > 1 => write!(f, "{} of {}", place.line, file.display()),
            _ => write!(f, "{}", place.line),
        }
    }
}
