//! When a file that was refused is worth another try without having changed.

use std::{future::pending, time::Duration};

use tokio::time::{Instant, sleep_until};

use crate::{
    agent::Error,
    config::{HostChanges, HostFacts},
    tasks::Tasks,
};

/// What is waited for.
#[derive(Debug, Default)]
pub(super) enum Retry {
    /// Nothing: the file is in force, or only another one can be.
    #[default]
    No,
    /// That this host has other interfaces or addresses: these are all that the file contradicts.
    Host(HostChanges),
    /// That time passes, or that the host changes before: no event tells that a port, or an interface that has another
    /// XDP program, is free.
    Time { at: Instant, pause: Duration, host: Option<HostChanges> },
}

impl Retry {
    /// After a refusal for this reason, with the host as it was then, where this was waited for before.
    pub(super) fn after(self, error: &Error, facts: Option<HostFacts>, tasks: &Tasks) -> Self {
        let is_of_host = match error {
            Error::Config(errors) if !errors.are_of_host() => return Self::No,
            Error::Watch(_) => return Self::No,
            Error::Config(_) => true,
            _ => false,
        };
        // Without a socket only time is left.
        match facts.and_then(|facts| HostChanges::since(facts, tasks).ok()) {
            Some(host) if is_of_host => Self::Host(host),
            host => self.later(host),
        }
    }

    /// Does not wait any more: it is being tried.
    pub(super) fn take_up(&mut self) {
        if let Self::Time { at, .. } = self {
            *at += LONGEST;
        }
    }

    fn later(self, host: Option<HostChanges>) -> Self {
        let pause = match self {
            Self::Time { pause, .. } => (pause * 2).min(LONGEST),
            Self::No | Self::Host(_) => FIRST,
        };
        Self::Time { at: Instant::now() + pause, pause, host }
    }

    /// Whether it is tried again by itself.
    pub(super) const fn is_planned(&self) -> bool {
        !matches!(self, Self::No)
    }

    /// Waits until it is time. Nothing is lost when the future is dropped.
    pub(super) async fn due(&self) {
        match self {
            Self::No => pending().await,
            Self::Host(changes) => changes.changed().await,
            Self::Time { at, host: Some(changes), .. } => tokio::select! {
                () = sleep_until(*at) => {}
                () = changes.changed() => {}
            },
            Self::Time { at, host: None, .. } => sleep_until(*at).await,
        }
    }
}

const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{config, metrics};

    #[test]
    fn what_time_fixes_is_tried_less_and_less_often() {
        let taken = Error::Metrics(metrics::Error::InUse("127.0.0.1:9650".parse().unwrap()));
        let (mut retry, mut pauses) = (Retry::No, Vec::new());
        for _ in 0..6 {
            retry = retry.after(&taken, None, &Tasks::unsupervised());
            let Retry::Time { at, pause, .. } = &retry else { panic!("{retry:?}") };
            assert!(*at <= Instant::now() + *pause);
            pauses.push(pause.as_secs());
        }
        assert_eq!(pauses, [5, 10, 20, 40, 60, 60]);
    }

    #[test]
    fn a_file_with_errors_waits_for_another_one() {
        let errors = config::parse("interfaces: []\n", Path::new("dsr.yaml")).unwrap_err();
        assert!(
            !Retry::No.after(&Error::Config(errors), Some(HostFacts::default()), &Tasks::unsupervised()).is_planned()
        );
    }
}
