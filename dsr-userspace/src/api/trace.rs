//! A trace over the socket: a line of JSON for each frame, for as long as somebody reads and no longer than asked for.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes},
    extract::{State, rejection::BytesRejection},
    http::header,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    task::spawn_blocking,
    time,
};

use super::{
    failure::{Failure, Kind},
    routes::{Agent, parse},
    view::{TraceLine, TraceRequest},
};

/// The longest trace, in seconds.
pub(super) const LONGEST: u64 = 3600;
/// How often the program's log is read.
const READ_EVERY: Duration = Duration::from_millis(50);
/// How often a line is written at least: one that cannot be written is how the end of the reader is noticed.
const ALIVE_EVERY: Duration = Duration::from_secs(1);
/// Lines that wait for a reader. When they are full, further ones are left out.
const WAITING: usize = 4096;

/// Starts a trace.
pub(super) async fn start(State(agent): State<Agent>, body: Result<Bytes, BytesRejection>) -> Response {
    match begin(agent, body).await {
        Ok(body) => ([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response(),
        Err(failure) => failure.into_response(),
    }
}

async fn begin(agent: Agent, body: Result<Bytes, BytesRejection>) -> Result<Body, Failure> {
    let request: TraceRequest = parse(body)?;
    check(&request)?;
    let asked = request.clone();
    let running = spawn_blocking(move || agent.start_trace(&asked).map(|()| Running(agent)));
    let running = running.await.map_err(Failure::failed)??;
    let (tell, told) = mpsc::channel(WAITING);
    tokio::spawn(run(running, request, tell));
    let lines = stream::unfold(told, |mut told| async move {
        let line: Bytes = told.recv().await?;
        Some((Ok::<_, Infallible>(line), told))
    });
    Ok(Body::from_stream(lines))
}

fn check(request: &TraceRequest) -> Result<(), Failure> {
    let wrong = |error: &str, remedy: &str| Err(Failure::new(Kind::Wrong, error, remedy));
    if request.client.is_some_and(|client| client.is_ipv6() != request.vip.is_ipv6()) {
        return wrong("client and VIP are of different IP versions", "name two IPv4 or two IPv6 addresses");
    }
    if !(1..=LONGEST).contains(&request.seconds) {
        return wrong("the duration is out of bounds", &format!("ask for 1 to {LONGEST} seconds"));
    }
    if request.count == Some(0) {
        return wrong("the count must not be zero", "ask for one frame or more");
    }
    Ok(())
}

/// A trace that runs, and ends when this is dropped.
struct Running(Agent);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.stop_trace();
    }
}

/// Reads and writes until the reader is gone, the time is over, or enough was told.
async fn run(running: Running, request: TraceRequest, tell: mpsc::Sender<Bytes>) {
    let end = Instant::now() + Duration::from_secs(request.seconds);
    let mut left = request.count.unwrap_or(u64::MAX);
    let mut written = Instant::now();
    let mut ticks = time::interval(READ_EVERY);
    ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    let why = loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = tell.closed() => return stop(running).await,
        }
        // Checked before the log is read, so that records that arrived in time are shown.
        let is_over = Instant::now() >= end;
        let lines = match read(&running, left).await {
            Ok(lines) => lines,
            Err(failure) => break failure.to_string(),
        };
        left -= lines.len() as u64;
        for line in lines {
            written = Instant::now();
            if !write(&tell, &line) {
                return stop(running).await;
            }
        }
        if left == 0 {
            break "the count is reached".to_owned();
        }
        if is_over {
            break "the time is over".to_owned();
        }
        if written.elapsed() >= ALIVE_EVERY {
            written = Instant::now();
            write(&tell, &TraceLine::Alive);
        }
    };
    // The last line comes when the trace is over, not before.
    stop(running).await;
    write(&tell, &TraceLine::End(why));
}

async fn stop(running: Running) {
    drop(spawn_blocking(move || drop(running)).await);
}

/// At most `most` lines.
async fn read(running: &Running, most: u64) -> Result<Vec<TraceLine>, Failure> {
    let agent = running.0.clone();
    let frames = spawn_blocking(move || agent.traced()).await.map_err(Failure::failed)??;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    Ok(frames.into_iter().take(most).map(|frame| TraceLine::Frame(Box::new(frame))).collect())
}

/// Whether there is still somebody to read it.
fn write(tell: &mpsc::Sender<Bytes>, line: &TraceLine) -> bool {
    let Ok(mut text) = serde_json::to_string(line) else { return true };
    text.push('\n');
    !matches!(tell.try_send(text.into()), Err(TrySendError::Closed(_)))
}
