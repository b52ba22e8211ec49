//! The configuration file read again: `POST /v1/reload`.

use serde::{Deserialize, Serialize};

use crate::config::Problem;

/// What came of reading the file again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadAnswer {
    /// Whether the file is in force now.
    pub outcome: ReloadOutcome,
    /// The file.
    pub file: String,
    /// The hash of the configuration that is in force, as `dsr_config_hash` has it.
    pub config_hash: u64,
    /// Why the file is not in force; none where it is.
    pub errors: Vec<FileProblem>,
    /// What is doubtful in a file that is in force.
    pub warnings: Vec<FileProblem>,
}

/// Whether the file on disk is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReloadOutcome {
    /// It is, and it differs from what was in force before.
    Reloaded,
    /// It is, and it was before.
    Unchanged,
    /// It has errors, or contradicts this host. What was in force stays.
    Wrong,
    /// It could not be put into force. What was in force stays.
    Failed,
}

/// One thing that is wrong with a file, or doubtful.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileProblem {
    /// The file; an included one where it is wrong there.
    pub file: String,
    /// The line, from one; zero where it is no line's.
    pub line: usize,
    /// The column in characters, from one; zero where it is no line's.
    pub column: usize,
    /// The field; empty where it is no field's.
    pub field: String,
    /// What is wrong, and what to do.
    pub message: String,
    /// All of it in one line.
    pub text: String,
}

impl FileProblem {
    /// Something that is wrong with putting a file into force, but with none of its lines.
    pub fn of_file(file: &str, message: String) -> Self {
        let text = format!("{file}: {message}");
        Self { file: file.to_owned(), line: 0, column: 0, field: String::new(), message, text }
    }
}

impl From<&Problem> for FileProblem {
    fn from(problem: &Problem) -> Self {
        Self {
            file: problem.file.display().to_string(),
            line: problem.line,
            column: problem.column,
            field: problem.field.clone(),
            message: problem.message.clone(),
            text: problem.to_string(),
        }
    }
}
