//! What is wrong with a configuration file, and where.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Serialize, Serializer};

/// Everything that is wrong with a file, in the order of its lines; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(problems))]
pub struct Errors {
    problems: Vec<Problem>,
}

impl Errors {
    /// The problems that there are, sorted and each once, or nothing where there are none.
    pub(super) fn some(mut problems: Vec<Problem>) -> Option<Self> {
        problems.sort_by(|a, b| a.order().cmp(&b.order()));
        problems.dedup();
        if problems.is_empty() { None } else { Some(Self { problems }) }
    }

    /// One problem of the file as a whole.
    pub(super) fn of_file(file: &Path, message: String) -> Self {
        Self { problems: vec![Problem::new(file, Place::FILE, "", message)] }
    }

    /// Each problem, in the order of the lines.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Whether the file itself is good, and only contradicts what this host is at the moment.
    pub fn are_of_host(&self) -> bool {
        self.problems.iter().all(|problem| problem.is_of_host)
    }
}

impl From<Problem> for Errors {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

/// One thing that is wrong, or doubtful, and what to write instead. Prints as `FILE:LINE:COLUMN: field: message`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file.
    #[serde(serialize_with = "lossy")]
    pub file: PathBuf,
    /// The line, from one; zero where the problem is the file itself.
    pub line: usize,
    /// The column in characters, from one; zero where the problem is the file itself.
    pub column: usize,
    /// The field, like `pools.web.backends[0].weight`; empty where the problem is no field's.
    pub field: String,
    /// What is wrong, and what to write instead.
    pub message: String,
    /// Which of the files it is in, in the order in which they were read.
    #[serde(skip)]
    source: usize,
    /// Whether another host, or this one at another time, would have no such problem.
    #[serde(skip)]
    is_of_host: bool,
}

impl Problem {
    pub(super) fn new(file: &Path, place: Place, field: impl fmt::Display, message: impl Into<String>) -> Self {
        let (Place { source, line, column }, field) = (place, field.to_string());
        Self { file: file.to_owned(), line, column, field, message: message.into(), source, is_of_host: false }
    }

    /// The same as a problem of this host.
    pub(super) fn of_host(self) -> Self {
        Self { is_of_host: true, ..self }
    }

    fn order(&self) -> (usize, usize, usize, &str, &str) {
        (self.source, self.line, self.column, &self.field, &self.message)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if self.line != 0 {
            write!(f, "{}:{}:", self.line, self.column)?;
        }
        if !self.field.is_empty() {
            write!(f, " {}:", self.field)?;
        }
        write!(f, " {}", self.message)
    }
}

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which file: zero is the one that was named, others are included.
    pub(super) source: usize,
    /// The line, from one.
    pub line: usize,
    /// The column in characters, from one.
    pub column: usize,
}

impl Place {
    /// The file as a whole.
    pub(super) const FILE: Self = Self { source: 0, line: 0, column: 0 };

    /// The place behind a text, with which the file begins.
    pub(super) fn behind(source: usize, text: &str) -> Self {
        let line = text.matches('\n').count() + 1;
        let column = text.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { source, line, column }
    }
}

/// A value, and where in the file it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// The file that it is written in.
    pub file: Arc<Path>,
    /// Where it is written there.
    pub place: Place,
    /// The field that it is the value of.
    pub field: String,
}

/// What to say of bytes that are no text.
pub(super) const NOT_UTF8: &str = "is not UTF-8 from here on: save the file as UTF-8";

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}
