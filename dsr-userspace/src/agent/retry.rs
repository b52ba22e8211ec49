//! When a file that was refused is worth another try without having changed.

use std::{future::pending, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::Error;
use crate::config::{HostChanges, HostFacts};

/// What is waited for.
#[derive(Debug, Default)]
pub(super) enum Retry {
    /// Nothing: the file is in force, or only another one can be.
    #[default]
    No,
    /// That this host has other interfaces or addresses.
    Host(HostChanges),
    /// That time passes.
    Time { at: Instant, pause: Duration },
}

impl Retry {
    /// After a refusal for this reason, with the host as it was then, where this was waited for before.
    pub(super) fn after(self, error: &Error, facts: Option<HostFacts>) -> Self {
        match error {
            Error::Config(errors) if !errors.are_of_host() => Self::No,
            Error::Watch(_) => Self::No,
            Error::Metrics(_) | Error::Api(_) | Error::Facts(_) | Error::Neighbour(_) | Error::Blind => self.later(),
            _ => match facts.map(HostChanges::since) {
                Some(Ok(changes)) => Self::Host(changes),
                // No socket: another time.
                Some(Err(_)) | None => self.later(),
            },
        }
    }

    /// Does not wait any more: it is being tried.
    pub(super) fn take_up(&mut self) {
        if let Self::Time { at, .. } = self {
            *at += LONGEST;
        }
    }

    fn later(self) -> Self {
        let pause = match self {
            Self::Time { pause, .. } => (pause * 2).min(LONGEST),
            Self::No | Self::Host(_) => FIRST,
        };
        Self::Time { at: Instant::now() + pause, pause }
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
            Self::Time { at, .. } => sleep_until(*at).await,
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
            retry = retry.after(&taken, None);
            let Retry::Time { at, pause } = &retry else { panic!("{retry:?}") };
            assert!(*at <= Instant::now() + *pause);
            pauses.push(pause.as_secs());
        }
        assert_eq!(pauses, [5, 10, 20, 40, 60, 60]);
    }

    #[test]
    fn a_file_with_errors_waits_for_another_one() {
        let errors = config::parse("interfaces: []\n", Path::new("dsr.yaml")).unwrap_err();
        assert!(!Retry::No.after(&Error::Config(errors), Some(HostFacts::default())).is_planned());
    }
}
