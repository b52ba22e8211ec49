//! What can be asked for, and where. Requests with parameters have them as JSON in the body.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State, rejection::BytesRejection},
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::task::spawn_blocking;

use super::{
    Operations,
    failure::{Failure, Kind, json},
    trace,
};
use crate::config;

/// Bytes that a request's body may have: the largest configuration, whose line ends take two in JSON.
const BODY: usize = config::LARGEST as usize * 3 / 2;

/// The body of a request, if it is not too long.
pub(super) type Body = Result<Bytes, BytesRejection>;

pub(super) type Agent = Arc<dyn Operations>;

pub(super) fn router(agent: Agent) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/override", post(set_override))
        .route("/v1/explain", post(explain))
        .route("/v1/check", post(preview))
        .route("/v1/reload", post(reload))
        .route("/v1/trace", post(trace::start))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(agent)
}

async fn status(State(agent): State<Agent>) -> Response {
    answer(agent, Operations::status).await
}

async fn set_override(State(agent): State<Agent>, body: Body) -> Response {
    asked(agent, body, Operations::set_override).await
}

async fn explain(State(agent): State<Agent>, body: Body) -> Response {
    asked(agent, body, Operations::explain).await
}

async fn preview(State(agent): State<Agent>, body: Body) -> Response {
    asked(agent, body, Operations::preview).await
}

async fn reload(State(agent): State<Agent>) -> Response {
    answer(agent, Operations::reload).await
}

/// Asks the agent what a body asks for.
async fn asked<R: DeserializeOwned + Send + 'static, T: Serialize + Send + 'static>(
    agent: Agent,
    body: Body,
    ask: impl FnOnce(&dyn Operations, &R) -> Result<T, Failure> + Send + 'static,
) -> Response {
    match parse(body) {
        Ok(request) => answer(agent, move |agent| ask(agent, &request)).await,
        Err(failure) => failure.into_response(),
    }
}

/// Asks the agent, which may block, and answers with what it says.
pub(super) async fn answer<T: Serialize + Send + 'static>(
    agent: Agent,
    ask: impl FnOnce(&dyn Operations) -> Result<T, Failure> + Send + 'static,
) -> Response {
    match spawn_blocking(move || ask(&*agent)).await {
        Ok(Ok(value)) => json(&value).into_response(),
        Ok(Err(failure)) => failure.into_response(),
        Err(panic) => Failure::failed(panic).into_response(),
    }
}

/// What a body asks for.
pub(super) fn parse<T: DeserializeOwned>(body: Body) -> Result<T, Failure> {
    let long = |error: BytesRejection| {
        let kind = if error.status() == StatusCode::PAYLOAD_TOO_LARGE { Kind::TooLong } else { Kind::Wrong };
        Failure::new(kind, error.body_text(), format!("send at most {BODY} bytes"))
    };
    let body = body.map_err(long)?;
    serde_json::from_slice(&body).map_err(|error| {
        let error = format!("invalid request body: {error}");
        Failure::new(Kind::Wrong, error, "send the JSON object that docs/commands.md shows")
    })
}

async fn not_found(uri: Uri) -> Failure {
    let error = format!("nothing is at {}", uri.path());
    Failure::new(Kind::Unknown, error, "ask for /v1/status; docs/commands.md has the others")
}

async fn wrong_method(method: Method, uri: Uri) -> Failure {
    let error = format!("{} does not take {method}", uri.path());
    Failure::new(Kind::Method, error, "use GET to read, POST to send a body")
}
