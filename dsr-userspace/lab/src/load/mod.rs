//! The client's load: HTTP requests at a bounded rate, each on a new connection, and what came of them.

mod pace;
mod tally;

use std::{
    net::SocketAddrV4,
    num::{NonZeroU16, NonZeroU32},
    str,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use tokio::{task::JoinSet, time::Instant};

use super::{
    error::Result,
    http::{self, Failure},
    net::Namespace,
    stop::Stop,
};
use pace::Pace;

pub use tally::Tally;

/// What to send.
#[derive(Clone, Debug)]
pub struct LoadPlan {
    /// The service.
    pub service: SocketAddrV4,
    /// Maximum requests per second.
    pub rate: NonZeroU32,
    /// Maximum concurrent requests.
    pub concurrency: NonZeroU16,
    /// How long a request may take, from the start of the connection to the end of the answer.
    pub timeout: Duration,
    /// The backends' names, one of which a good answer is.
    pub backends: Vec<String>,
}

/// Requests that are being sent. Dropping it lets those under way end.
#[derive(Debug)]
pub struct Load {
    stop: Stop,
    tally: Arc<Mutex<Tally>>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Load {
    /// Starts to send from `client`.
    pub fn start(client: &Namespace, plan: LoadPlan) -> Result<Self> {
        let stop = Stop::default();
        let tally = Arc::new(Mutex::new(Tally::new(plan.backends.len())));
        let thread = client.spawn({
            let (tally, stop) = (Arc::clone(&tally), stop.clone());
            move || send(plan, tally, stop)
        })?;
        Ok(Self { stop, tally, thread: Some(thread) })
    }

    /// What came of the requests so far.
    pub fn tally(&self) -> Tally {
        locked(&self.tally).clone()
    }

    /// Sends no more, waits for those under way, and gives what came of all.
    pub fn stop(&mut self) -> Tally {
        self.end();
        self.tally()
    }

    fn end(&mut self) {
        self.stop.set();
        match self.thread.take().map(JoinHandle::join) {
            Some(Err(_)) => tracing::error!("the lab's load panicked"),
            Some(Ok(Err(error))) => tracing::error!(%error, "the lab's load could not run"),
            Some(Ok(Ok(()))) | None => {}
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.end();
    }
}

async fn send(plan: LoadPlan, tally: Arc<Mutex<Tally>>, stop: Stop) {
    let pace = Arc::new(Pace::new(plan.rate));
    let plan = Arc::new(plan);
    let mut workers = JoinSet::new();
    for _ in 0..plan.concurrency.get() {
        workers.spawn(work(Arc::clone(&plan), Arc::clone(&pace), Arc::clone(&tally), stop.clone()));
    }
    while workers.join_next().await.is_some() {}
}

async fn work(plan: Arc<LoadPlan>, pace: Arc<Pace>, tally: Arc<Mutex<Tally>>, stop: Stop) {
    while pace.turn(&stop).await {
        let begun = Instant::now();
        let outcome = request(&plan).await;
        locked(&tally).record(outcome, begun.elapsed());
    }
}

/// The position in the plan of the backend that answered.
async fn request(plan: &LoadPlan) -> Result<usize, Failure> {
    let answer = http::get(plan.service.into(), "/", plan.timeout).await?;
    if !answer.status.is_success() {
        return Err(Failure::Unexpected(format!("status {}", answer.status)));
    }
    let name = str::from_utf8(&answer.body).map_or("", str::trim_end);
    let position = plan.backends.iter().position(|backend| backend == name);
    position.ok_or_else(|| Failure::Unexpected(format!("{name:?} is not the name of a backend")))
}

/// A panic elsewhere leaves the counts as they were.
fn locked(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}
