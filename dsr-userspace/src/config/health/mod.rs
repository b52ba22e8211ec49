//! Health checks: from rows to the model.
//!
//! A pool's check is the same for all services of the pool but for the port that is asked, which is the service's. So a
//! row becomes a draft, and a draft and a service become a check.

mod probe;
mod record;
pub(super) mod rows;
mod scalar;

use std::{
    num::{NonZeroU16, NonZeroU32},
    time::Duration,
};

use self::rows::HealthRow;
pub(super) use self::{
    rows::HealthField,
    scalar::{ProbePort, Text},
};
use super::{
    duration::ProbeTime,
    report::Report,
    schema::{Field, WordOr},
};
use crate::model::{Check, MinHealthy, OnDown, Port, Probe, Protocol};

/// A field `health`.
#[derive(Clone, Debug, Default)]
pub(super) enum Written {
    /// It is not written.
    #[default]
    Absent,
    /// It is written and bad, which was reported.
    Bad,
    /// `none`.
    None,
    /// A check.
    Check(Box<Draft>),
}

/// A check without a service.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    probe: Probe,
    port: Option<NonZeroU16>,
    interval: Duration,
    timeout: Duration,
    rise: NonZeroU32,
    fall: NonZeroU32,
    min_healthy: MinHealthy,
    on_down: OnDown,
}

/// Reads the field.
pub(super) fn read(report: &mut Report<'_>, field: Field<HealthField>) -> Written {
    match field.value {
        None if field.is_written => Written::Bad,
        None => Written::Absent,
        Some(WordOr::Word(_)) => Written::None,
        Some(WordOr::Row(row)) => draft(report, *row).map_or(Written::Bad, |draft| Written::Check(Box::new(draft))),
    }
}

impl Draft {
    /// The check of a service, or what has to be written for one.
    pub(super) fn of(&self, protocol: Protocol, port: Port) -> Result<Check, String> {
        let asked = self.port.or(port.number().filter(|_| self.fits(protocol)));
        let Some(asked) = asked else {
            let (name, needs) = (self.probe.name(), self.needs());
            return Err(format!("{name} needs a {needs}, which this service does not have"));
        };
        let Self { probe, interval, timeout, rise, fall, min_healthy, on_down, .. } = self.clone();
        Ok(Check { probe, port: asked, interval, timeout, rise, fall, min_healthy, on_down })
    }

    /// Whether the service's own port is one that the probe can ask.
    const fn fits(&self, protocol: Protocol) -> bool {
        match self.probe {
            Probe::Tcp | Probe::Http(_) => matches!(protocol, Protocol::Tcp),
            Probe::Dns(_) => matches!(protocol, Protocol::Udp),
            Probe::Command(_) => true,
        }
    }

    const fn needs(&self) -> &'static str {
        match self.probe {
            Probe::Tcp | Probe::Http(_) => "TCP port",
            Probe::Dns(_) => "UDP port",
            Probe::Command(_) => "port",
        }
    }
}

fn draft(report: &mut Report<'_>, mut row: HealthRow) -> Option<Draft> {
    let probe = probe::read(report, &mut row);
    let (interval, timeout) = pace(report, &row.interval, row.timeout);
    Some(Draft {
        probe: probe?,
        port: row.port.optional()?.map(|port| port.0),
        interval: interval?,
        timeout: timeout?,
        rise: row.rise.value?.0,
        fall: row.fall.value?.0,
        min_healthy: row.min_healthy.value?,
        on_down: row.on_down.value?,
    })
}

/// How often something is asked, and how long an answer may take: no longer than to the next time.
pub(super) fn pace(
    report: &mut Report<'_>,
    interval: &Field<ProbeTime>,
    timeout: Field<ProbeTime>,
) -> (Option<Duration>, Option<Duration>) {
    let interval = interval.value.map(|interval| interval.0);
    let (at, shortened) = (timeout.at.clone(), interval.map_or(TIMEOUT, |interval| TIMEOUT.min(interval)));
    let timeout = timeout.or(ProbeTime(shortened)).map(|timeout| timeout.0);
    if let (Some(interval), Some(timeout)) = (interval, timeout)
        && timeout > interval
    {
        report.error(&at, "is longer than the interval: write a shorter time, or a longer `interval`");
    }
    (interval, timeout)
}

const TIMEOUT: Duration = Duration::from_secs(1);
