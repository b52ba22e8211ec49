//! Health checks: from rows to the model.
//!
//! A pool's check is the same for all services of the pool but for the port that is asked, which is the service's. So a
//! row becomes a draft, and a draft and a service become a check.

mod probe;
mod record;
mod rows;
mod scalar;

use std::{
    num::{NonZeroU16, NonZeroU32},
    time::Duration,
};

use self::rows::HealthRow;
pub(super) use self::{
    rows::HealthField,
    scalar::{ProbePort, Span, Text},
};
use super::{
    field::Field,
    path::FieldPath,
    report::{Optional, Report},
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

/// Reads the field at `at`.
pub(super) fn read(report: &mut Report<'_>, at: &FieldPath, field: Field<HealthField>) -> Written {
    match report.optional(at, field) {
        Optional::Absent => Written::Absent,
        Optional::Bad => Written::Bad,
        Optional::Value(HealthField::None) => Written::None,
        Optional::Value(HealthField::Row(row)) => {
            draft(report, at, *row).map_or(Written::Bad, |draft| Written::Check(Box::new(draft)))
        }
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

fn draft(report: &mut Report<'_>, at: &FieldPath, mut row: HealthRow) -> Option<Draft> {
    report.unknown(at, &mut row);
    let port = report.optional(&at.key("port"), row.port).map(|scalar::ProbePort(port)| port);
    let interval = report.optional(&at.key("interval"), row.interval).map(|Span(span)| span).or(INTERVAL);
    let shortened = TIMEOUT.min(interval.unwrap_or(INTERVAL));
    let timeout = report.optional(&at.key("timeout"), row.timeout).map(|Span(span)| span).or(shortened);
    let rise = report.optional(&at.key("rise"), row.rise).map(|scalar::Times(times)| times).or(RISE);
    let fall = report.optional(&at.key("fall"), row.fall).map(|scalar::Times(times)| times).or(FALL);
    let min_healthy = report.optional(&at.key("min_healthy"), row.min_healthy).or(MinHealthy::default());
    let on_down = report.optional(&at.key("on_down"), row.on_down).or(OnDown::default());
    if let (Some(interval), Some(timeout)) = (interval, timeout)
        && timeout > interval
    {
        let message = "is longer than the interval: write a shorter time, or a longer `interval`";
        report.error(&at.key("timeout"), message);
    }
    let probe = probe::read(report, at, row.kinds);
    let port = match port {
        Optional::Absent => None,
        Optional::Bad => return None,
        Optional::Value(port) => Some(port),
    };
    Some(Draft {
        probe: probe?,
        port,
        interval: interval?,
        timeout: timeout?,
        rise: rise?,
        fall: fall?,
        min_healthy: min_healthy?,
        on_down: on_down?,
    })
}

const INTERVAL: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(1);
const RISE: NonZeroU32 = NonZeroU32::new(2).unwrap();
const FALL: NonZeroU32 = NonZeroU32::new(3).unwrap();
