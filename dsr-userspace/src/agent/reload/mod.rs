//! The configuration file, read again: because it changed, or because somebody asks.

pub(super) mod loading;
pub(super) mod retry;

use std::{fmt, sync::Arc};

use self::{
    loading::{Loading, Read},
    retry::Retry,
};
use crate::{
    agent::{
        Agent, Error, balancer::Balancer, listeners::command::Answer, start::warn_about, watching::watch_by_others,
    },
    api::view::{FileProblem, ReloadAnswer, ReloadOutcome, StatusFinding},
    config::{Config, FileState, FileWatch},
};

/// Why the file is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Signal,
    Change,
    Asked,
    /// What it was refused for may have passed.
    Passed,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signal => "SIGHUP",
            Self::Change => "the file changed",
            Self::Asked => "asked for",
            Self::Passed => "the cause of the rejection may be gone",
        })
    }
}

/// Why the file on disk is not in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// What was told of it.
    errors: Vec<FileProblem>,
    /// The same for those who ask later.
    pub(super) finding: StatusFinding,
}

impl Agent {
    /// Begins to read the file again, beside this task.
    pub(super) fn load(&mut self, why: Why, answer: Option<Answer<ReloadAnswer>>) {
        let answers = answer.into_iter().collect();
        match &mut self.loading {
            Some(loading) => loading.again(why, answers),
            None => self.loading = Some(Loading::begin(&self.path, &self.marker, why, answers)),
        }
    }

    /// Follows a change of the file, or says that it waits.
    pub(super) fn file_changed(&mut self) {
        let state = self.marker.state();
        if state == FileState::Gone {
            return self.file_gone();
        }
        if self.balancer.config().watch == FileWatch::On {
            return self.load(Why::Change, None);
        }
        self.retry = Retry::No;
        let file = self.path.display();
        let is_other = state != FileState::Readable(self.balancer.config().hash);
        if is_other {
            tracing::info!(%file, "the file changed and `watch` is off: run `dsr reload` to apply it");
        }
        let finding =
            || StatusFinding::new(file, "the file changed and is not in force: `watch` is off", "`dsr reload`");
        self.balancer.refusal = is_other.then(|| Arc::new(Refusal { errors: Vec::new(), finding: finding() }));
    }

    /// Keeps what is in force, and says so: the next start would find no file.
    fn file_gone(&mut self) {
        self.retry = Retry::No;
        let file = self.path.display();
        tracing::warn!(%file, "the configuration file is gone: the configuration in force stays, a restart would fail");
        let what = "the configuration file is gone: the next start of the agent fails";
        let finding = StatusFinding::new(file, what, "restore the file");
        self.balancer.refusal = Some(Arc::new(Refusal { errors: Vec::new(), finding }));
    }

    /// Puts what was read into force, and says what came of it.
    pub(super) async fn reload(&mut self, why: Why, Read { config, facts }: Read) -> ReloadAnswer {
        let before = self.balancer.config().hash;
        let result = match config {
            Ok(config) => self.take_over(config).await,
            Err(error) => Err(error),
        };
        let mut answer = ReloadAnswer {
            outcome: ReloadOutcome::Reloaded,
            file: self.path.display().to_string(),
            config_hash: before,
            errors: Vec::new(),
            warnings: Vec::new(),
        };
        match result {
            Ok(()) => {
                self.retry = Retry::No;
                self.balancer.refusal = None;
                self.balancer.count_reload(true);
                tracing::info!(file = answer.file, "reloaded: {why}");
                let config = self.balancer.config();
                answer.warnings = config.warnings.iter().map(FileProblem::from).collect();
                answer.config_hash = config.hash;
                if config.hash == before {
                    answer.outcome = ReloadOutcome::Unchanged;
                }
                // It went after it was read.
                if self.marker.state() == FileState::Gone {
                    self.file_gone();
                }
            }
            // Only the caller of `dsr reload` is told: the file is not at fault.
            Err(error @ Error::Interrupted) => {
                answer.outcome = ReloadOutcome::Failed;
                answer.errors = problems(&answer.file, &error);
            }
            Err(error) => {
                self.retry = std::mem::take(&mut self.retry).after(&error, facts, &self.tasks);
                let is_wrong = matches!(error, Error::Config(_));
                answer.outcome = if is_wrong { ReloadOutcome::Wrong } else { ReloadOutcome::Failed };
                answer.errors = problems(&answer.file, &error);
                self.balancer.refuse(&answer, why, self.retry.is_planned());
            }
        }
        answer
    }

    async fn take_over(&mut self, config: Config) -> Result<(), Error> {
        warn_about(&config);
        if self.balancer.config().interfaces() == config.interfaces() {
            return self.serve_as(config, Interfaces::Same).await;
        }
        let seen = watch_by_others(&config, &self.watcher, &mut self.network).await;
        let taken = match seen {
            Ok(()) => self.serve_as(config, Interfaces::Other).await,
            Err(error) => Err(error),
        };
        if taken.is_err() {
            self.watch_as_before().await;
        }
        taken
    }

    async fn serve_as(&mut self, config: Config, interfaces: Interfaces) -> Result<(), Error> {
        let rebind = self.api.prepare(config.api.as_deref()).await?;
        let prepared = self.metrics_listener.prepare(config.metrics).await.map_err(Error::Metrics);
        match prepared.and_then(|place| self.adopt(config, interfaces).map(|()| place)) {
            Ok(place) => {
                self.metrics_listener.serve(place, &self.snapshots.subscribe());
                self.api.take(rebind);
            }
            Err(error) => {
                self.metrics_listener.restore(&self.snapshots.subscribe()).await;
                return Err(error);
            }
        }
        if let Err(error) = self.probing.follow(&mut self.balancer).await {
            // The configuration is in force: only what the checks say of it is not.
            tracing::error!(%error, "health check results could not be applied; retrying in a second");
            self.unfollowed = true;
        }
        self.preflight.look_beside(Arc::clone(&self.balancer.state.config), &self.tasks);
        Ok(())
    }

    /// Takes over the configuration, and where it has other interfaces, the network as they show it.
    fn adopt(&mut self, config: Config, interfaces: Interfaces) -> Result<(), Error> {
        if interfaces == Interfaces::Other {
            let seen = self.network.borrow_and_update().clone();
            return self.balancer.adopt(config, Some(seen));
        }
        self.watcher.set_backends(config.destinations());
        self.balancer.adopt(config, None).inspect_err(|_| {
            self.watcher.set_backends(self.balancer.config().destinations());
        })
    }

    /// Watches for the configuration in force again.
    async fn watch_as_before(&mut self) {
        let config = self.balancer.config();
        // A watcher that has ended ends the agent by itself.
        let _ = self.watcher.set_interfaces(config.interfaces(), config.destinations()).await;
        // What happened meanwhile was seen by the interfaces of the other configuration only.
        self.network.mark_changed();
    }
}

/// Those of a configuration, compared with the one in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Interfaces {
    Same,
    Other,
}

impl Balancer {
    /// Keeps what is wrong with the file on disk, and tells of it where it was not told before.
    fn refuse(&mut self, answer: &ReloadAnswer, why: Why, again: bool) {
        let is_told = self.refusal.as_ref().is_some_and(|refusal| refusal.errors == answer.errors);
        let finding = finding(answer, again);
        self.refusal = Some(Arc::new(Refusal { errors: answer.errors.clone(), finding }));
        if why == Why::Passed && is_told {
            tracing::debug!(file = answer.file, "not reloaded, for the same reason as before");
            return;
        }
        self.count_reload(false);
        for error in &answer.errors {
            tracing::error!("{}", error.text);
        }
        let again = if again { "; it is retried when the cause may be gone" } else { "" };
        tracing::error!("not reloaded ({why}): the previous configuration stays in force{again}");
    }
}

fn problems(file: &str, error: &Error) -> Vec<FileProblem> {
    match error {
        Error::Config(errors) => errors.problems().iter().map(FileProblem::from).collect(),
        error => vec![FileProblem::of_file(file, error.to_string())],
    }
}

fn finding(answer: &ReloadAnswer, again: bool) -> StatusFinding {
    let first = answer.errors.first().map_or("", |error| &error.text);
    let what = match answer.errors.len() {
        1 => format!("the file on disk is not in force: {first}"),
        count => format!("the file on disk is not in force for {count} errors, the first of which is {first}"),
    };
    let remedy =
        if again { "it is retried when the cause may be gone; or fix the file, see `dsr check`" } else { CHECK };
    StatusFinding::new(&answer.file, what, remedy)
}

const CHECK: &str = "fix the file: `dsr check` lists every error";
