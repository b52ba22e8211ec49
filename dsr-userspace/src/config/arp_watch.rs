//! How the agent watches for claims to VIPs: `arp_watch`, and the other balancers, whose claims are no backend's.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use serde_yaml::Value;

use super::{
    address::HostAddress,
    duration::Span,
    error::Located,
    field::{Field, Read, not, row},
    file::ArpWatchRow,
    path::FieldPath,
    report::{Optional, Report},
};

/// The field as it is written.
pub(super) enum Written {
    Off,
    Row(ArpWatchRow),
}

impl Read for Written {
    const WRITE: &'static str = "{interval: 60s}, or off";

    fn read(value: Value) -> Result<Self, String> {
        match &value {
            Value::String(text) if text == "off" => Ok(Self::Off),
            Value::Bool(false) => Err("false does not disable this: write off".to_owned()),
            Value::Mapping(_) => row(value, "how to watch").map(Self::Row),
            value => Err(not::<Self>(value, "how to watch")),
        }
    }
}

/// How often to ask for each VIP; nothing where nobody shall be asked.
pub(super) fn interval(report: &mut Report<'_>, field: Field<Written>) -> Option<Duration> {
    let at = FieldPath::root().key("arp_watch");
    let mut row = match report.optional(&at, field) {
        Optional::Absent | Optional::Bad => return Some(DEFAULT),
        Optional::Value(Written::Off) => return None,
        Optional::Value(Written::Row(row)) => row,
    };
    report.unknown(&at, &mut row);
    let at = at.key("interval");
    let Span(interval) = report.optional(&at, row.interval).or(Span(DEFAULT)).unwrap_or(Span(DEFAULT));
    if interval < SHORTEST || interval > LONGEST {
        report.error(&at, format!("{interval:?} is out of bounds: write from 1s to 24h, or `arp_watch: off`"));
    }
    Some(interval)
}

const DEFAULT: Duration = Duration::from_secs(60);
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The addresses of the balancers, each once.
pub(super) fn balancers(
    report: &mut Report<'_>,
    field: Field<Vec<Field<HostAddress>>>,
) -> Vec<(FieldPath, Located<IpAddr>)> {
    let list = FieldPath::root().key("balancers");
    let Some(fields) = report.optional(&list, field).value() else { return Vec::new() };
    let (mut good, mut seen) = (Vec::new(), BTreeMap::new());
    for (index, field) in fields.into_iter().enumerate() {
        let at = list.index(index);
        let Some(HostAddress(address)) = report.required(&at, field) else { continue };
        if let Some(first) = seen.insert(address, at.clone()) {
            let line = report.line(&first);
            report.error(&at, format!("{address} is written twice, also at line {line}: keep one of them"));
            seen.insert(address, first);
            continue;
        }
        let located = report.located(&at, address);
        good.push((at, located));
    }
    good
}

/// A balancer is neither a backend nor a VIP.
pub(super) fn check_balancers(
    report: &mut Report<'_>,
    balancers: &[(FieldPath, Located<IpAddr>)],
    vips: &[Located<IpAddr>],
    backends: &[(FieldPath, Located<IpAddr>)],
) {
    for (at, balancer) in balancers {
        let address = balancer.value;
        let vip = vips.iter().find(|vip| vip.value == address).map(|vip| ("a VIP", report.line_of(vip)));
        let backend = backends.iter().find(|(_, backend)| backend.value == address);
        let other = vip.or(backend.map(|(_, backend)| ("a backend", report.line_of(backend))));
        if let Some((what, line)) = other {
            let message =
                format!("{address} is {what}, at line {line}: write the address that the balancer itself has");
            report.error(at, message);
        }
    }
}
