//! The configuration file, read again: because it changed, or because somebody asks.

mod file;
mod loading;
mod retry;

use std::{fmt, sync::Arc};

use self::{
    file::problems,
    loading::{Loading, Read},
};
pub(super) use self::{
    file::{ConfigFile, FileEvent},
    loading::Loaded,
};
use crate::{
    agent::{Agent, Error, listeners::command::Answer, watching::watch_by_others},
    api::view::{FileProblem, ReloadAnswer, ReloadOutcome},
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

impl Agent {
    /// Begins to read the file again, beside this task.
    pub(super) fn load(&mut self, why: Why, answer: Option<Answer<ReloadAnswer>>) {
        let answers = answer.into_iter().collect();
        let file = &mut self.file;
        match &mut file.loading {
            Some(loading) => loading.again(why, answers),
            None => file.loading = Some(Loading::begin(&file.path, &file.marker, why, answers)),
        }
    }

    /// Follows a change of the file, or says that it waits.
    pub(super) fn file_changed(&mut self) {
        let state = self.file.marker.state();
        if state == FileState::Gone {
            return self.file.tell_gone();
        }
        if self.state.config.watch == FileWatch::On {
            return self.load(Why::Change, None);
        }
        self.file.tell_waiting(state != FileState::Readable(self.state.config.hash));
    }

    /// Puts what was read into force, and says what came of it.
    pub(super) async fn reload(&mut self, why: Why, Read { config, facts }: Read) -> ReloadAnswer {
        let before = self.state.config.hash;
        let result = match config {
            Ok(config) => self.take_over(config).await,
            Err(error) => Err(error),
        };
        let mut answer = ReloadAnswer {
            outcome: ReloadOutcome::Reloaded,
            file: self.file.path.display().to_string(),
            config_hash: before,
            errors: Vec::new(),
            warnings: Vec::new(),
        };
        match result {
            Ok(()) => {
                self.file.accept(why);
                let config = &self.state.config;
                answer.warnings = config.warnings.iter().map(FileProblem::from).collect();
                answer.config_hash = config.hash;
                if config.hash == before {
                    answer.outcome = ReloadOutcome::Unchanged;
                }
            }
            // Only the caller of `dsr reload` is told: the file is not at fault.
            Err(error @ Error::Interrupted) => {
                answer.outcome = ReloadOutcome::Failed;
                answer.errors = problems(&answer.file, &error);
            }
            Err(error) => {
                let is_wrong = matches!(error, Error::Config(_));
                answer.outcome = if is_wrong { ReloadOutcome::Wrong } else { ReloadOutcome::Failed };
                answer.errors = problems(&answer.file, &error);
                self.file.retry = std::mem::take(&mut self.file.retry).after(&error, facts, &self.tasks);
                self.file.refuse(&answer, why);
            }
        }
        answer
    }

    async fn take_over(&mut self, config: Config) -> Result<(), Error> {
        warn_about(&config);
        if self.state.config.interfaces() == config.interfaces() {
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
        if let Err(error) = self.check_backends().await {
            // The configuration is in force: only what the checks say of it is not.
            tracing::error!(%error, "health check results could not be applied; retrying in a second");
            self.unfollowed = true;
        }
        self.preflight.look_beside(Arc::clone(&self.state.config), &self.tasks);
        Ok(())
    }

    /// Takes over the configuration, and where it has other interfaces, the network as they show it.
    fn adopt(&mut self, config: Config, interfaces: Interfaces) -> Result<(), Error> {
        if interfaces == Interfaces::Other {
            let seen = self.network.borrow_and_update().clone();
            return self.put_in_force(config, Some(seen));
        }
        self.watcher.set_backends(config.destinations());
        let adopted = self.put_in_force(config, None);
        if adopted.is_err() {
            self.watcher.set_backends(self.state.config.destinations());
        }
        adopted
    }

    /// Watches for the configuration in force again.
    async fn watch_as_before(&mut self) {
        let config = &self.state.config;
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

pub(super) fn warn_about(config: &Config) {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
}
