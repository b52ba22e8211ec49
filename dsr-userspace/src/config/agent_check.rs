//! Where backends say themselves what they can take: `agent_check` of a pool.

use std::time::Duration;

use super::{
    field::Field,
    file::AgentCheckRow,
    health::{ProbePort, Span, Text},
    path::FieldPath,
    report::Report,
};
use crate::model::AgentCheck;

/// Reads the field at `at`.
pub(super) fn read(report: &mut Report<'_>, at: &FieldPath, field: Field<AgentCheckRow>) -> Option<AgentCheck> {
    let mut row = report.optional(at, field).value()?;
    report.unknown(at, &mut row);
    let port = report.required(&at.key("port"), row.port).map(|ProbePort(port)| port);
    let interval = report.optional(&at.key("interval"), row.interval).map(|Span(span)| span).or(INTERVAL);
    let shortened = TIMEOUT.min(interval.unwrap_or(INTERVAL));
    let timeout = report.optional(&at.key("timeout"), row.timeout).map(|Span(span)| span).or(shortened);
    let send = report.optional(&at.key("send"), row.send).map(|Text(text)| Some(text)).or(None);
    if let (Some(interval), Some(timeout)) = (interval, timeout)
        && timeout > interval
    {
        let message = "is longer than the interval: write a shorter time, or a longer `interval`";
        report.error(&at.key("timeout"), message);
    }
    Some(AgentCheck { port: port?, interval: interval?, timeout: timeout?, send: send? })
}

const INTERVAL: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(1);
