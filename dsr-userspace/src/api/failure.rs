//! Why a request was not done, and what to do about it.

use std::fmt;

use axum::{
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The asker's: the request is wrong.
    Wrong,
    /// The asker's: the request is too long.
    TooLong,
    /// The asker's: nothing has this name.
    Unknown,
    /// The asker's: this is not how it is asked for.
    Method,
    /// The asker's: something else has to end first.
    Busy,
    /// The agent's: it could not do it.
    Failed,
}

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Whose turn it is.
    pub kind: Kind,
    /// What is wrong.
    pub error: String,
    /// What to do.
    pub remedy: String,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(kind: Kind, error: impl fmt::Display, remedy: impl fmt::Display) -> Self {
        Self { kind, error: error.to_string(), remedy: remedy.to_string() }
    }

    /// The agent could not do it.
    pub fn failed(error: impl fmt::Display) -> Self {
        Self::new(Kind::Failed, error, "see the agent's log")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error, self.remedy)
    }
}

impl std::error::Error for Failure {}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match self.kind {
            Kind::Wrong => StatusCode::BAD_REQUEST,
            Kind::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Kind::Method => StatusCode::METHOD_NOT_ALLOWED,
            Kind::Unknown => StatusCode::NOT_FOUND,
            Kind::Busy => StatusCode::CONFLICT,
            Kind::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, json(&self)).into_response()
    }
}

/// A value as the body of an answer.
pub(super) fn json(value: &impl Serialize) -> ([(HeaderName, &'static str); 1], String) {
    // These are plain structures with text as keys: they have a JSON form.
    let mut text = serde_json::to_string(value).unwrap_or_default();
    text.push('\n');
    ([(header::CONTENT_TYPE, "application/json")], text)
}
